"""VMs without a process: for many hosts at once, and for faults on demand."""

import asyncio
import json
from datetime import UTC, datetime
from typing import Literal

from pydantic import ConfigDict, ValidationError
from stowage_contracts.caching import VmFacts, VmPhase, VmSpec
from stowage_contracts.errors import (
    InvalidInput,
    NotFound,
    OutOfSpace,
    Problem,
    StowageError,
    Unavailable,
)
from stowage_contracts.hosts import MachineAbilities
from stowage_contracts.plugins.machines import MachineSettings
from stowage_contracts.values import Value

from hypervisor_agent.machines.record import Shelf, VmRecord
from hypervisor_agent.machines.rooms import HostRoom, check_disk, check_room, free_address

KIND, EXPORT = "fake", "export"
FAULTS = "faults.json"


class FakeOptions(Value):
    """What the VMs do. ``faults.json`` in the settings' folder, read each time, may say the same
    and wins."""

    model_config = ConfigDict(extra="forbid")

    boot_seconds: float = 0.2
    url: str = "nfs://{address}/export"
    """Of the export; ``{vm_id}`` and ``{address}`` are filled in. The directory ``export`` in the
    VM's folder is there for whoever serves it."""
    spawn_error: Literal["", "unavailable", "missing", "full"] = ""
    spawns_that_fail: int | None = None
    """So many of this instance; None: all, while ``spawn_error`` says so."""
    never_ready: bool = False
    unwell: tuple[str, ...] = ()
    """VMs that run and do not answer."""
    ended: tuple[str, ...] = ()
    """VMs that ended by themselves."""
    dies_after_seconds: float | None = None
    """Every VM, after its order."""
    destroy_error: bool = False


class FakeMachines:
    """Keeps records, and pretends that there is more."""

    def __init__(self, settings: MachineSettings) -> None:
        self._settings, self._shelf = settings, Shelf(settings.folder)
        self._options_of({})
        self._lock = asyncio.Lock()
        self._failed = 0

    async def abilities(self) -> MachineAbilities:
        """What the settings say."""
        told = self._settings
        return MachineAbilities(
            kind=KIND, slots=told.slots, memory_bytes=told.memory_bytes, disk_bytes=told.disk_bytes
        )

    async def spawn(self, vm_id: str, fleet_id: str, spec: VmSpec) -> VmFacts:
        """Raises what ``spawn_error`` names, and OutOfSpace."""
        async with self._lock:
            record = self._shelf.get(vm_id)
            if record is None:
                self._fail_as_told()
                record = self._make(vm_id, fleet_id, spec)
            return self._facts(record)

    async def seen(self) -> tuple[VmFacts, ...]:
        """Ready once they are old enough, but for what the options say."""
        return tuple(map(self._facts, self._shelf.all()))

    async def resize(self, vm_id: str, disk_bytes: int) -> VmFacts:
        """Grow what is pretended."""
        async with self._lock:
            record = self._shelf.get(vm_id)
            if record is None:
                raise NotFound("no such VM", resource=f"transport_vm/{vm_id}", code="vm")
            more = disk_bytes - record.disk_bytes
            if more > 0:
                check_disk(self._settings, self._shelf.all(), more, HostRoom())
                record = record.model_copy(update={"disk_bytes": disk_bytes})
                self._shelf.put(record)
            return self._facts(record)

    async def destroy(self, vm_id: str) -> None:
        """Raises Unavailable when ``destroy_error`` says so."""
        async with self._lock:
            if self._options().destroy_error:
                raise Unavailable("it does not end", resource=f"transport_vm/{vm_id}", code="fake")
            self._shelf.remove(vm_id)

    async def aclose(self) -> None:
        """Nothing is held."""

    def _make(self, vm_id: str, fleet_id: str, spec: VmSpec) -> VmRecord:
        there = self._shelf.all()
        check_room(self._settings, there, spec, HostRoom())
        record = VmRecord(
            vm_id=vm_id,
            fleet_id=fleet_id,
            spec=spec,
            ordered=datetime.now(UTC),
            address=free_address(self._settings, there) if self._settings.addresses else "",
            disk_bytes=spec.disk_bytes,
            started=True,
        )
        self._shelf.put(record)
        (self._shelf.folder(vm_id) / EXPORT).mkdir(exist_ok=True)
        return record

    def _fail_as_told(self) -> None:
        options = self._options()
        if options.spawns_that_fail is not None and self._failed >= options.spawns_that_fail:
            return
        error: dict[str, StowageError] = {
            "unavailable": Unavailable("the host cannot start it", code="fake"),
            "missing": NotFound("the image is missing", code="image"),
            "full": OutOfSpace("the host is full", code="disk"),
        }
        if options.spawn_error:
            self._failed += 1
            raise error[options.spawn_error]

    def _facts(self, record: VmRecord) -> VmFacts:
        options = self._options()
        phase = _phase(record, options)
        address = record.address.partition("/")[0] or "127.0.0.1"
        told = VmFacts(
            vm_id=record.vm_id,
            fleet_id=record.fleet_id,
            phase=phase,
            memory_bytes=record.spec.memory_bytes,
            disk_bytes=record.disk_bytes,
            started=record.ordered,
            error=_error(phase, record.vm_id),
        )
        if phase is VmPhase.STARTING:
            return told
        url = options.url.format(vm_id=record.vm_id, address=address)
        return told.model_copy(update={"url": url, "boot_seconds": options.boot_seconds})

    def _options(self) -> FakeOptions:
        try:
            return self._options_of(json.loads((self._shelf.root / FAULTS).read_bytes()))
        except (FileNotFoundError, json.JSONDecodeError):
            return self._options_of({})

    def _options_of(self, more: dict[str, object]) -> FakeOptions:
        try:
            return FakeOptions.model_validate({**self._settings.options, **more})
        except ValidationError as error:
            raise InvalidInput(f"options of fake machines: {error}", code="options") from None


def _phase(record: VmRecord, options: FakeOptions) -> VmPhase:
    age = (datetime.now(UTC) - record.ordered).total_seconds()
    dies = options.dies_after_seconds
    if record.vm_id in options.ended or (dies is not None and age >= dies):
        return VmPhase.FAILED
    if record.vm_id in options.unwell:
        return VmPhase.UNWELL
    if age < options.boot_seconds:
        return VmPhase.STARTING
    return VmPhase.UNWELL if options.never_ready else VmPhase.READY


def _error(phase: VmPhase, vm_id: str) -> Problem | None:
    causes = {VmPhase.FAILED: "the VM ended", VmPhase.UNWELL: "the VM does not answer"}
    if phase not in causes:
        return None
    return Unavailable(causes[phase], resource=f"transport_vm/{vm_id}", code="vm").problem
