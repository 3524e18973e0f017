"""Reading a stored object through the gate, and all of its bytes where that is asked."""

import time

from stowage_contracts.envelope import Envelope
from stowage_contracts.errors import StowageError, Unavailable
from stowage_contracts.messages.hypervisor_agent import InspectObject, ObjectInspected
from stowage_contracts.plugins import RangedReader
from stowage_contracts.values import Verdict
from stowage_runtime.telemetry import span

from hypervisor_agent.deps import Deps
from hypervisor_agent.engine.full_read import FullRead
from hypervisor_agent.engine.hashing import Copied
from hypervisor_agent.engine.opening import open_source, with_length
from hypervisor_agent.engine.source import RenewingReader
from hypervisor_agent.engine.terms import Stored
from hypervisor_agent.feeding.keeping import BusLeaves
from hypervisor_agent.grants import read_grant

STALL_SECONDS = 30.0
AWAY_SECONDS = 60.0
"""Without the broker for so long, somebody else has been asked by now."""


async def inspect(order: InspectObject, cause: Envelope, deps: Deps) -> None:
    """Say the verdict and what was read, or why the object could not be read."""
    said = ObjectInspected(host_id=deps.line.host_id, inspection_id=order.inspection_id)
    with span("inspect", cause.traceparent, inspection=order.inspection_id):
        try:
            found = await _found(order, deps)
        except StowageError as error:
            found = {"error": error.problem}
        await deps.line.say(said.model_copy(update=found), cause)


async def _found(order: InspectObject, deps: Deps) -> dict[str, object]:
    async def reopen() -> RangedReader:
        redeemed = await read_grant(order.object, order.ticket, deps.line, deps.pools)
        end, transports = order.object, deps.tools.transports
        source = await open_source(redeemed, end, STALL_SECONDS, transports)
        return with_length(source, str(end.object))

    reader = await RenewingReader.open(reopen)
    try:
        verdict = await _verdict(order, reader, deps)
        if not order.read_all:
            return {"verdict": verdict}
        read = await _read_all(order, reader, deps)
        leaves = BusLeaves(order.inspection_id, order.ticket, deps.line)
        await leaves.keep(read.tree, read.leaves, reader.size)
    finally:
        await reader.close()
    return {"verdict": verdict, "size": reader.size, "digest": read.tree, "linear": read.declared}


async def _verdict(order: InspectObject, reader: RangedReader, deps: Deps) -> Verdict:
    stored = Stored(reader.size, reader.read_into)
    return await deps.judge(stored, order.declared, order.max_virtual_size)


async def _read_all(order: InspectObject, reader: RangedReader, deps: Deps) -> Copied:
    manners = _Manners(deps)
    return await FullRead(reader, deps.tools, manners.busy, order.checksum).run()


class _Manners:
    """When a full read gives way, and when it gives up."""

    def __init__(self, deps: Deps) -> None:
        self._deps = deps
        self._connected = time.monotonic()

    def busy(self) -> bool:
        """Whether hops are moving; raises Unavailable when the broker has long been away."""
        now = time.monotonic()
        if self._deps.line.bus.connected:
            self._connected = now
        if now - self._connected > AWAY_SECONDS:
            raise Unavailable("the broker has been away too long", code="broker")
        return bool(self._deps.hops.running)
