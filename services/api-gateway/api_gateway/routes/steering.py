"""Orders to copies under way and to hosts: pause, resume, change, hand over, drain."""

from collections.abc import Callable
from typing import Self

from pydantic import Field, model_validator
from stowage_contracts.errors import Conflict
from stowage_contracts.message import Message
from stowage_contracts.messages.data_motion import (
    ChangeCopy,
    DrainHost,
    PauseCopy,
    RerouteCopy,
    ResumeCopy,
)
from stowage_contracts.topology import address
from stowage_contracts.values import HostState, Id, ServiceName
from stowage_contracts.views import CopyView, HostView
from stowage_runtime.handling.tx import Tx
from stowage_runtime.http import Call, Reply, Route
from stowage_runtime.service import Desk

from api_gateway.accounts import Principal
from api_gateway.bodies import Given
from api_gateway.conditions import matched
from api_gateway.deps import Deps
from api_gateway.idempotency import accept
from api_gateway.resources import State, reference, state

FINAL = {"done", "failed", "cancelled"}
DATA_MOTION = address(ServiceName.DATA_MOTION)
SLOWEST = 256 * 1024
"""Bytes a second; below, a read would look like a stall."""
HIGHEST = 10
"""Priority of a VM start: the highest an ordinary account may give."""


class PauseBody(Given):
    """Why, as others read it."""

    reason: str = Field(default="paused by request", min_length=1, max_length=200)


class CopyChange(Given):
    """What to change; what is left out stays."""

    priority: int | None = Field(default=None, ge=-100, le=100)
    bytes_per_second: int | None = Field(default=None, ge=0, le=1 << 50)
    """Most it may move; 0 takes the limit away."""

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not self.model_dump(exclude_none=True):
            raise ValueError("name what is to change")
        if self.bytes_per_second and self.bytes_per_second < SLOWEST:
            raise ValueError(f"bytes_per_second is 0 or at least {SLOWEST}; pause it instead")
        return self


class RerouteBody(Given):
    """Where to."""

    host_id: Id | None = None
    """None is any other than the one it is on."""


class DrainBody(Given):
    """Why, as others read it."""

    reason: str = Field(default="drained by request", min_length=1, max_length=200)


def check_priority(priority: int, principal: Principal) -> None:
    """Raises NotAuthorized for more than an ordinary account may ask for."""
    if priority > HIGHEST:
        principal.require_admin()


async def pause(call: Call, desk: Desk, deps: Deps) -> Reply:
    """Stop at the edge of a range; what arrived stays. Others who share the transfer wait too."""
    reason = call.body.reason
    return await _order(call, desk, deps, lambda key: PauseCopy(copy_id=key, reason=reason))


async def resume(call: Call, desk: Desk, deps: Deps) -> Reply:
    """Go on from where it stopped."""
    return await _order(call, desk, deps, lambda key: ResumeCopy(copy_id=key))


async def change(call: Call, desk: Desk, deps: Deps) -> Reply:
    """Another priority or speed, effective at once."""
    body: CopyChange = call.body
    if body.priority is not None:
        check_priority(body.priority, call.principal)
    fields = body.model_dump()
    return await _order(call, desk, deps, lambda key: ChangeCopy(copy_id=key, **fields))


async def reroute(call: Call, desk: Desk, deps: Deps) -> Reply:
    """Hand what moves to another host, which goes on from the journal; the timeline says why
    where that can't be."""
    call.principal.require_admin()
    host = call.body.host_id

    async def make(tx: Tx) -> State:
        if host is not None:
            await reference("host", host, call.principal, tx)
        return await _told(call, tx, lambda key: RerouteCopy(copy_id=key, host_id=host))

    return await accept(call, desk, deps, make)


async def drain(call: Call, desk: Desk, deps: Deps) -> Reply:
    """Nothing new for the host's agent; what moves there is handed over."""
    reason = call.body.reason
    return await _drain(call, desk, deps, lambda key: DrainHost(host_id=key, reason=reason))


async def stop_draining(call: Call, desk: Desk, deps: Deps) -> Reply:
    """The host takes hops again."""
    return await _drain(call, desk, deps, lambda key: DrainHost(host_id=key, drains=False))


async def _order(call: Call, desk: Desk, deps: Deps, command: Callable[[str], Message]) -> Reply:
    make = matched(call, "copy", lambda tx: _told(call, tx, command))
    return await accept(call, desk, deps, make)


async def _told(call: Call, tx: Tx, command: Callable[[str], Message]) -> State:
    found = await state("copy", call.path["id"], call.principal, tx)
    if found["state"] in FINAL:
        cause = f"the copy is {found['state']}"
        raise Conflict(cause, resource=f"copy/{found['id']}", code="final")
    await tx.say(command(found["id"]), to=DATA_MOTION)
    return State(found)


async def _drain(call: Call, desk: Desk, deps: Deps, command: Callable[[str], Message]) -> Reply:
    call.principal.require_admin()

    async def make(tx: Tx) -> State:
        found = await reference("host", call.path["id"], call.principal, tx)
        if found["state"] == HostState.CREATING:
            raise Conflict(
                "its agent has not joined yet", resource=f"host/{found['id']}", code="creating"
            )
        await tx.say(command(found["id"]), to=DATA_MOTION)
        return State(found)

    return await accept(call, desk, deps, matched(call, "host", make))


ROUTES: tuple[Route[Deps], ...] = (
    Route(
        "POST",
        "/v1/copies/{id}/pause",
        pause,
        "Pause a copy",
        body=PauseBody,
        reply=CopyView,
        status=202,
        tags=("copies",),
    ),
    Route(
        "POST",
        "/v1/copies/{id}/resume",
        resume,
        "Resume a paused copy",
        reply=CopyView,
        status=202,
        tags=("copies",),
    ),
    Route(
        "PATCH",
        "/v1/copies/{id}",
        change,
        "Change a copy's priority or speed",
        body=CopyChange,
        reply=CopyView,
        status=202,
        tags=("copies",),
    ),
    Route(
        "POST",
        "/v1/copies/{id}/reroute",
        reroute,
        "Hand a copy to another host",
        body=RerouteBody,
        reply=CopyView,
        status=202,
        tags=("copies",),
    ),
    Route(
        "POST",
        "/v1/hosts/{id}/drain",
        drain,
        "Drain a host",
        body=DrainBody,
        reply=HostView,
        status=202,
        tags=("hosts",),
    ),
    Route(
        "DELETE",
        "/v1/hosts/{id}/drain",
        stop_draining,
        "End a host's drain",
        reply=HostView,
        status=202,
        tags=("hosts",),
    ),
)
