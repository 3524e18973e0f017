"""Copies: create, show, list, cancel, explain."""

from typing import Any, Literal

from pydantic import BaseModel, Field
from stowage_contracts.errors import Conflict, InvalidInput, Problem
from stowage_contracts.messages.data_motion import CancelCopy, CopyExplained, ExplainCopy
from stowage_contracts.messages.image_store import RequestCopy
from stowage_contracts.topology import address
from stowage_contracts.values import (
    Id,
    ImageFormat,
    ObjectKind,
    ObjectRef,
    ServiceName,
    StoreRole,
    new_id,
)
from stowage_contracts.views import CopyView, HopView, StrategyAnswer
from stowage_runtime.handling.tx import Tx
from stowage_runtime.http import Call, Reply, Route
from stowage_runtime.service import Desk

from api_gateway.accounts import Principal
from api_gateway.bodies import Given
from api_gateway.deps import Deps
from api_gateway.filters import OwnedQuery
from api_gateway.idempotency import accept
from api_gateway.limits import reserve_count
from api_gateway.orders import IMAGE_STORE
from api_gateway.orders import ask as ask_owner
from api_gateway.resources import (
    Match,
    Page,
    State,
    WaitQuery,
    page,
    pending,
    reference,
    settled,
    show,
    shown,
    state,
    usable,
)
from api_gateway.routes.steering import FINAL, check_priority

CopyState = Literal[
    "requested", "planned", "waiting", "running", "paused", "done", "failed", "cancelled"
]


class NewCopy(Given):
    """A template to put on a primary pool, as the pool's copy of it or as a new volume."""

    id: Id | None = None
    template_id: Id
    store_id: Id
    """The primary pool."""
    volume_id: Id | None = None
    """Set to make a new volume of that id."""
    format: ImageFormat | None = None
    priority: int = Field(default=0, ge=-100, le=100)


class CopiesQuery(OwnedQuery):
    """Which copies."""

    state: CopyState | None = None

    def any_of(self) -> list[Match]:
        """In one state."""
        return [self.given("state")]


class Explanation(BaseModel):
    """Why a copy goes the way it goes."""

    copy_id: Id
    state: str
    strategy: str
    answers: list[StrategyAnswer]
    hops: list[HopView]
    waiting_for: str
    error: Problem | None
    now: list[StrategyAnswer] | None = None
    """With ``what_if``: what the strategies would answer today."""
    now_problem: Problem | None = None
    """Why it could not be planned today."""


class ExplainQuery(Given):
    """Of the plan as it was made, or also of one made today."""

    what_if: bool = False


async def create(call: Call, desk: Desk, deps: Deps) -> Reply:
    """Ask for a copy."""
    body: NewCopy = call.body

    async def make(tx: Tx) -> CopyView:
        return await ask(body, call.principal, tx)

    return await accept(call, desk, deps, make)


async def ask(body: NewCopy, principal: Principal, tx: Tx) -> CopyView:
    """Ask image-store for a copy; raises InvalidInput, NotFound, Conflict, NotAuthorized."""
    check_priority(body.priority, principal)
    template = await usable("template", body.template_id, principal, tx)
    pool = await reference("store", body.store_id, principal, tx)
    if pool["role"] != StoreRole.PRIMARY:
        raise InvalidInput(
            f"the store has role {pool['role']}; a copy goes to a primary pool",
            code="role",
            resource=f"store/{body.store_id}",
            hint="list the pools with role=Primary",
        )
    if body.volume_id is not None:
        await reserve_count(tx, principal.account_id, "volume")
    view = _pending(body, template, principal, tx)
    await pending(tx, "copy", view, view.account_id)
    await tx.say(_command(body, view), to=IMAGE_STORE)
    return view


def _pending(body: NewCopy, template: dict[str, Any], principal: Principal, tx: Tx) -> CopyView:
    copy_id = body.id or new_id()
    volume = ObjectRef(kind=ObjectKind.VOLUME, id=body.volume_id) if body.volume_id else None
    return CopyView(
        id=copy_id,
        leader_id=copy_id,
        account_id=principal.account_id,
        object=volume or ObjectRef(kind=ObjectKind(template["kind"]), id=body.template_id),
        source=f"template/{body.template_id}",
        destination=f"store/{body.store_id}",
        destination_store_id=body.store_id,
        state="requested",
        priority=body.priority,
        created=tx.now,
    )


def _command(body: NewCopy, view: CopyView) -> RequestCopy:
    return RequestCopy(
        copy_id=view.id,
        account_id=view.account_id,
        template_id=body.template_id,
        store_id=body.store_id,
        volume_id=body.volume_id,
        format=body.format,
        priority=body.priority,
    )


async def list_copies(call: Call, desk: Desk, deps: Deps) -> BaseModel:
    """The caller's copies."""
    return await page("copy", call, desk)


async def show_copy(call: Call, desk: Desk, deps: Deps) -> Reply:
    """A copy with its live figures; with ``wait`` once it has ended."""
    return shown(await settled("copy", call, desk, deps, lambda row: row["state"] in FINAL))


async def cancel(call: Call, desk: Desk, deps: Deps) -> Reply:
    """Withdraw; the transfer stops when nobody else asked for it.

    Also before its owner has heard of the copy: the cancel is kept for it there.
    """

    async def make(tx: Tx) -> State:
        found = await state("copy", call.path["id"], call.principal, tx)
        if found["state"] in FINAL:
            raise Conflict(
                f"the copy is {found['state']}", resource=f"copy/{found['id']}", code="final"
            )
        await tx.say(CancelCopy(copy_id=found["id"]), to=address(ServiceName.DATA_MOTION))
        return State(found)

    return await accept(call, desk, deps, make)


async def explain(call: Call, desk: Desk, deps: Deps) -> Explanation:
    """Every strategy's answer, the hops, and what is being waited for; with ``what_if`` also what
    would be answered with today's agents, stores, caches and policies."""
    view = CopyView.model_validate(await show("copy", call.path["id"], call, desk))
    today = None
    if call.query.what_if:
        today = await ask_owner(desk, ExplainCopy(copy_id=view.id), CopyExplained)
    return Explanation(
        copy_id=view.id,
        state=view.state,
        strategy=view.strategy,
        answers=list(view.answers),
        hops=list(view.hops),
        waiting_for=view.waiting_for,
        error=view.error,
        now=list(today.now) if today else None,
        now_problem=today.problem if today else None,
    )


ROUTES: tuple[Route[Deps], ...] = (
    Route(
        "POST",
        "/v1/copies",
        create,
        "Copy a template to a primary pool",
        body=NewCopy,
        reply=CopyView,
        status=202,
        tags=("copies",),
    ),
    Route(
        "GET",
        "/v1/copies",
        list_copies,
        "List copies",
        query=CopiesQuery,
        reply=Page[CopyView],
        tags=("copies",),
    ),
    Route(
        "GET",
        "/v1/copies/{id}",
        show_copy,
        "Show a copy",
        query=WaitQuery,
        reply=CopyView,
        tags=("copies",),
        seconds=630,
    ),
    Route(
        "POST",
        "/v1/copies/{id}/cancel",
        cancel,
        "Cancel a copy",
        reply=CopyView,
        status=202,
        tags=("copies",),
    ),
    Route(
        "GET",
        "/v1/copies/{id}/explain",
        explain,
        "Explain a copy's plan",
        query=ExplainQuery,
        reply=Explanation,
        tags=("copies",),
    ),
)
