"""What an agent does with each command. Each returns at once: work runs in tasks of its own."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import structlog
from stowage_contracts.envelope import Envelope
from stowage_contracts.errors import GrantRefused, InvalidInput
from stowage_contracts.message import Message
from stowage_contracts.messages.data_motion import CommitHop
from stowage_contracts.messages.hypervisor_agent import (
    CancelHop,
    DestroyTransportVm,
    ExecuteHop,
    InspectObject,
    ListHops,
    RemoveObject,
    ResizeTransportVm,
    SpawnTransportVm,
    SteerHop,
)
from stowage_contracts.values import ServiceName
from stowage_runtime.bus import Rejected

from hypervisor_agent.commits import commit
from hypervisor_agent.deps import Deps
from hypervisor_agent.inspections import inspect
from hypervisor_agent.removals import remove

log = structlog.get_logger(__name__)
Handler = Callable[[Any, Envelope, Deps], Awaitable[None]]


async def on_execute_hop(order: ExecuteHop, cause: Envelope, deps: Deps) -> None:
    """In a task, fenced by its epoch."""
    await deps.hops.take(order, cause)


async def on_cancel_hop(order: CancelHop, _cause: Envelope, deps: Deps) -> None:
    """Stop it, then delete its parts from our own pools; other owners delete theirs."""
    await deps.hops.cancel(order.hop_id, order.epoch)
    if order.destination.grant.owner is ServiceName.HYPERVISOR_AGENT:
        await deps.pools.revoke(order.hop_id)


async def on_steer_hop(order: SteerHop, cause: Envelope, deps: Deps) -> None:
    """Another speed, or stop at the edge of a range."""
    await deps.hops.steer(order, cause)


async def on_commit_hop(order: CommitHop, cause: Envelope, deps: Deps) -> None:
    """In a task: the report after it may have to wait for the broker."""
    deps.chores.begin(f"commit {order.hop_id} {order.epoch}", commit(order, cause, deps))


async def on_inspect_object(order: InspectObject, cause: Envelope, deps: Deps) -> None:
    """In a task."""
    chores = deps.readings if order.read_all else deps.chores
    chores.begin(f"inspect {order.inspection_id}", inspect(order, cause, deps))


async def on_remove_object(order: RemoveObject, cause: Envelope, deps: Deps) -> None:
    """In a task. One that came late is dropped: something else may have its name by now."""
    if order.expires <= datetime.now(UTC):
        log.info("removal.expired", removal=order.removal_id)
        return
    deps.chores.begin(f"remove {order.removal_id}", remove(order, cause, deps))


async def on_list_hops(order: ListHops, cause: Envelope, deps: Deps) -> None:
    """Delete what dead hops left on our pools."""
    live = frozenset(order.live) | deps.hops.not_meant(cause.time)
    deps.chores.begin("sweep", deps.pools.keep_only(live))


async def on_spawn_transport_vm(order: SpawnTransportVm, cause: Envelope, deps: Deps) -> None:
    """In a task. One that came late is dropped: another VM may have been spawned for it."""
    deps.vms.spawn(order, cause)


async def on_resize_transport_vm(order: ResizeTransportVm, cause: Envelope, deps: Deps) -> None:
    """In a task."""
    deps.vms.resize(order, cause)


async def on_destroy_transport_vm(order: DestroyTransportVm, cause: Envelope, deps: Deps) -> None:
    """In a task."""
    deps.vms.destroy(order, cause)


HANDLERS: Mapping[type[Message], Handler] = {
    ExecuteHop: on_execute_hop,
    CancelHop: on_cancel_hop,
    SteerHop: on_steer_hop,
    CommitHop: on_commit_hop,
    InspectObject: on_inspect_object,
    ListHops: on_list_hops,
    RemoveObject: on_remove_object,
    SpawnTransportVm: on_spawn_transport_vm,
    ResizeTransportVm: on_resize_transport_vm,
    DestroyTransportVm: on_destroy_transport_vm,
}


async def handle(envelope: Envelope, deps: Deps) -> None:
    """Dispatch one delivery. Raises Rejected for what no agent understands or may believe; an
    order that came too late, or again, is dropped."""
    try:
        deps.door.check(envelope)
    except GrantRefused as error:
        if error.code not in {"grant.expired", "grant.repeated"}:
            raise Rejected(error.cause) from error
        facts = {"type": envelope.type, "subject": envelope.subject, "code": error.code}
        if error.code == "grant.expired":  # a slow broker, or nothing is ever done here again
            log.warning("order.dropped", **facts, hint="compare this host's clock with the others'")
        else:
            log.info("order.dropped", **facts)
        return
    try:
        message = envelope.message()
    except InvalidInput as error:
        raise Rejected(error.cause) from error
    handler = HANDLERS.get(type(message))
    if handler is None:
        raise Rejected(f"{envelope.type} is nothing an agent does")
    await handler(message, envelope, deps)
    deps.door.carried_out(envelope)
