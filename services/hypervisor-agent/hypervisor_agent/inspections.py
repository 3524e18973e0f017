"""Reading a stored object through the gate."""

from stowage_contracts.envelope import Envelope
from stowage_contracts.errors import StowageError
from stowage_contracts.messages.hypervisor_agent import InspectObject, ObjectInspected
from stowage_contracts.plugins import RangedReader
from stowage_contracts.values import Verdict
from stowage_runtime.telemetry import span

from hypervisor_agent.deps import Deps
from hypervisor_agent.engine.opening import open_source
from hypervisor_agent.engine.terms import Stored
from hypervisor_agent.grants import read_grant

STALL_SECONDS = 30.0


async def inspect(order: InspectObject, cause: Envelope, deps: Deps) -> None:
    """Say the verdict, or why the object could not be read."""
    host = deps.line.host_id
    with span("inspect", cause.traceparent, inspection=order.inspection_id):
        try:
            verdict = await _verdict(order, deps)
            said = ObjectInspected(host_id=host, inspection_id=order.inspection_id, verdict=verdict)
        except StowageError as error:
            said = ObjectInspected(
                host_id=host, inspection_id=order.inspection_id, error=error.problem
            )
        await deps.line.say(said, cause)


async def _verdict(order: InspectObject, deps: Deps) -> Verdict:
    deps.door.check_inspection(order)
    reader = await _open(order, deps)
    try:
        stored = Stored(reader.size, reader.read_into)
        return await deps.judge(stored, order.declared, order.max_virtual_size)
    finally:
        await reader.close()


async def _open(order: InspectObject, deps: Deps) -> RangedReader:
    redeemed = await read_grant(order.object, order.ticket, deps.line, deps.pools)
    return await open_source(redeemed, order.object, STALL_SECONDS, deps.tools.transports)
