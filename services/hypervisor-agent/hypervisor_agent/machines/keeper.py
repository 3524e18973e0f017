"""An agent's VMs: orders are carried out beside everything else, and what changes is told."""

import asyncio
from contextlib import suppress
from datetime import UTC, datetime

import structlog
from stowage_contracts.caching import VmFacts, VmPhase
from stowage_contracts.envelope import Envelope
from stowage_contracts.errors import Problem, StowageError, Unavailable
from stowage_contracts.hosts import MachineAbilities
from stowage_contracts.messages.hypervisor_agent import (
    DestroyTransportVm,
    ResizeTransportVm,
    SpawnTransportVm,
    TransportVmsSeen,
)
from stowage_contracts.plugins.machines import Machines

from hypervisor_agent.chores import Chores
from hypervisor_agent.fencing import Removed
from hypervisor_agent.line import Line
from hypervisor_agent.machines.telling import Telling

LOOK_SECONDS = 2.0
STARTING_SECONDS = 0.25
"""Between two looks while some VM starts."""
NO_FLEET = "unknown"
"""Of a VM nobody here knows."""
log = structlog.get_logger(__name__)


class VmKeeper:
    """One host's VMs. Orders may come twice, late and in any order: what was ordered to go is
    not spawned again."""

    def __init__(self, line: Line, machines: Machines, *, able: bool) -> None:
        self.machines, self.able = machines, able
        self._line, self._telling = line, Telling(line)
        self._chores = Chores()
        self._facts: dict[str, VmFacts] = {}
        self._starting: dict[str, VmFacts] = {}
        """Ordered, and not yet made."""
        self._changed: set[str] = set()
        """Spawned or destroyed since the last look began, which knows nothing of it."""
        self._doomed = Removed()
        self._looked = False

    def spawn(self, order: SpawnTransportVm, cause: Envelope) -> None:
        """In a task. Raises Unavailable when too much is under way."""
        if order.vm_id in self._doomed:
            log.info("vm.doomed", vm=order.vm_id)
            return
        if order.vm_id not in self._facts and order.expires <= datetime.now(UTC):
            log.info("vm.expired", vm=order.vm_id)
            return
        self._chores.begin(f"spawn {order.vm_id}", self._spawn(order, cause))
        self._starting[order.vm_id] = VmFacts(
            vm_id=order.vm_id, fleet_id=order.fleet_id, phase=VmPhase.STARTING
        )

    def resize(self, order: ResizeTransportVm, cause: Envelope) -> None:
        """In a task. Raises Unavailable when too much is under way."""
        name = f"resize {order.vm_id} {order.disk_bytes}"
        self._chores.begin(name, self._resize(order, cause))

    def destroy(self, order: DestroyTransportVm, cause: Envelope) -> None:
        """In a task. Raises Unavailable when too much is under way."""
        self._chores.begin(f"destroy {order.vm_id}", self._destroy(order, cause))
        if self.able:
            self._doomed.add(order.vm_id)

    def seen(self, boot_id: str) -> TransportVmsSeen | None:
        """Every VM that is there or being made; None before the first look, and by a host that
        runs none."""
        if not (self.able and self._looked):
            return None
        there = {**self._starting, **self._facts}
        vms = tuple(there[vm_id] for vm_id in sorted(there))
        return TransportVmsSeen(host_id=self._line.host_id, boot_id=boot_id, vms=vms)

    async def abilities(self) -> MachineAbilities | None:
        """None where it runs none, or can't tell."""
        if not self.able:
            return None
        try:
            return await self.machines.abilities()
        except Exception as error:  # also a foreign plug-in's; the host can do everything else
            _problem(error)
            return None

    async def watch(self) -> None:
        """Look at the VMs again and again, and tell what changed; until cancelled."""
        telling = asyncio.create_task(self._telling.run())
        try:
            while not telling.done():
                await self._look()
                some = self._starting or any(_starts(facts) for facts in self._facts.values())
                await asyncio.wait([telling], timeout=STARTING_SECONDS if some else LOOK_SECONDS)
            telling.result()
        finally:
            telling.cancel()
            await asyncio.wait([telling])

    async def stop(self, seconds: float) -> None:
        """Let go of the VMs, which run on."""
        await self._chores.stop(seconds)
        await self.machines.aclose()

    async def _look(self) -> None:
        self._changed.clear()
        before = self._facts
        try:
            seen = await self.machines.seen()
        except Exception as error:  # what cannot be seen now is not gone
            _problem(error)
            return
        now = {facts.vm_id: facts for facts in seen if facts.vm_id not in self._changed}
        meanwhile = {name: f for name, f in self._facts.items() if name in self._changed}
        lost = {name: f for name, f in before.items() if name not in {*now, *self._changed}}
        self._facts, self._looked = {**now, **meanwhile, **lost}, True
        for name, facts in now.items():
            if _differs(before.get(name), facts):
                self._tell(facts)
        for name in lost:
            self._end_lost(name)

    def _end_lost(self, vm_id: str) -> None:
        """Its record vanished without an order: what may still run of it is ended, then told."""
        host, reason = self._line.host_id, "its record vanished"
        order = DestroyTransportVm(vm_id=vm_id, host_id=host, reason=reason)
        with suppress(Unavailable):  # too much is under way: the next look finds it again
            self._chores.begin(f"destroy {vm_id}", self._destroy(order, None))

    async def _spawn(self, order: SpawnTransportVm, cause: Envelope) -> None:
        try:
            facts = await self.machines.spawn(order.vm_id, order.fleet_id, order.spec)
        except Exception as error:  # also a foreign plug-in's; whoever ordered it must hear
            facts = self._starting[order.vm_id].model_copy(
                update={"phase": VmPhase.FAILED, "error": _problem(error)}
            )
        else:
            self._facts[order.vm_id] = facts
        finally:
            self._changed.add(order.vm_id)
            self._starting.pop(order.vm_id, None)
        self._tell(facts, cause)

    async def _resize(self, order: ResizeTransportVm, cause: Envelope) -> None:
        try:
            facts = await self.machines.resize(order.vm_id, order.disk_bytes)
        except Exception as error:
            self._tell(self._with_error(order.vm_id, error), cause)
            return
        if order.vm_id in self._facts:
            self._facts[order.vm_id] = facts
        self._tell(facts, cause)

    async def _destroy(self, order: DestroyTransportVm, cause: Envelope | None) -> None:
        log.info("vm.destroyed", vm=order.vm_id, reason=order.reason)
        try:
            await self.machines.destroy(order.vm_id)
        except Exception as error:
            self._tell(self._with_error(order.vm_id, error), cause)
            return
        last = self._facts.pop(order.vm_id, None)
        self._changed.add(order.vm_id)
        fleet = NO_FLEET if last is None else last.fleet_id
        self._tell(VmFacts(vm_id=order.vm_id, fleet_id=fleet, phase=VmPhase.GONE), cause)

    def _with_error(self, vm_id: str, error: Exception) -> VmFacts:
        unknown = VmFacts(vm_id=vm_id, fleet_id=NO_FLEET, phase=VmPhase.FAILED)
        facts = self._facts.get(vm_id, unknown)
        return facts.model_copy(update={"error": _problem(error)})

    def _tell(self, facts: VmFacts, cause: Envelope | None = None) -> None:
        code = facts.error.code if facts.error else ""
        log.info("vm.told", vm=facts.vm_id, phase=facts.phase.value, url=facts.url, code=code)
        self._telling.tell(facts, cause)


def _starts(facts: VmFacts) -> bool:
    return facts.phase is VmPhase.STARTING


def _differs(before: VmFacts | None, now: VmFacts) -> bool:
    return before is None or (before.phase, before.url) != (now.phase, now.url)


def _problem(error: Exception) -> Problem:
    if isinstance(error, StowageError):
        log.warning("vm.error", code=error.code, cause=error.cause)
        return error.problem
    log.error("vm.broke", exc_info=error)
    return Unavailable(f"the plug-in broke ({type(error).__name__})", code="internal").problem
