"""Motion policies: which strategies carry copies into a zone, and whether through caches."""

from typing import Annotated, Self

from pydantic import BaseModel, Field, StringConstraints, model_validator
from stowage_contracts.errors import InvalidInput
from stowage_contracts.messages.data_motion import RemoveMotionPolicy, SetMotionPolicy
from stowage_contracts.topology import address
from stowage_contracts.values import CacheUse, HypervisorKind, ServiceName
from stowage_contracts.views import MotionPolicyView
from stowage_runtime.handling.tx import Tx
from stowage_runtime.http import Call, Reply, Route
from stowage_runtime.service import Desk

from api_gateway.bodies import Given, is_id
from api_gateway.conditions import matched
from api_gateway.deps import Deps
from api_gateway.filters import TimedQuery
from api_gateway.idempotency import accept
from api_gateway.orders import order
from api_gateway.resources import Page, page, reference, show, shown

NOUN = "motion_policy"
DEFAULT = "default"
MOST = 50
Strategy = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]


class NewPolicy(Given):
    """A strategy that alone may be used, or those that may not; and how caches are used."""

    pin: Strategy | None = None
    """The only strategy that may be used; it may be installed later."""
    forbid: tuple[Strategy, ...] = Field(default=(), max_length=MOST)
    caches: CacheUse = CacheUse.WHEN_REQUIRED
    """How copies use cache stores."""
    caches_of: dict[HypervisorKind, CacheUse] = {}
    """Another use for copies to hosts of these hypervisors."""

    @model_validator(mode="after")
    def _leaves_something(self) -> Self:
        if self.pin in self.forbid:
            raise ValueError(f"{self.pin} is pinned and forbidden at once")
        return self


async def set_policy(call: Call, desk: Desk, deps: Deps) -> Reply:
    """Add or replace the policy of a zone; it holds for copies that are planned from now on."""
    call.principal.require_admin()
    zone_id, body = call.path["id"], call.body
    if not is_id(zone_id):
        raise InvalidInput("not an id", resource=f"{NOUN}/{zone_id[:64]}", code="id")
    policy = MotionPolicyView(**{**dict(body), "id": zone_id, "pin": body.pin or ""})

    async def make(tx: Tx) -> MotionPolicyView:
        if zone_id != DEFAULT:
            await reference("zone", zone_id, call.principal, tx)
        await tx.run("put_pending", NOUN, policy.id, policy.model_dump(mode="json"))
        await tx.say(SetMotionPolicy(policy=policy), to=address(ServiceName.DATA_MOTION))
        return policy

    return await accept(call, desk, deps, matched(call, NOUN, make))


async def list_policies(call: Call, desk: Desk, deps: Deps) -> BaseModel:
    """All policies."""
    call.principal.require_admin()
    return await page(NOUN, call, desk)


async def show_policy(call: Call, desk: Desk, deps: Deps) -> Reply:
    """A policy."""
    call.principal.require_admin()
    return shown(await show(NOUN, call.path["id"], call, desk))


async def remove_policy(call: Call, desk: Desk, deps: Deps) -> Reply:
    """Let the best strategy win there again."""
    call.principal.require_admin()
    return await order(
        call, desk, deps, NOUN, lambda found: RemoveMotionPolicy(policy_id=found["id"])
    )


_TAGS = ("copies",)
ROUTES: tuple[Route[Deps], ...] = (
    Route(
        "PUT",
        "/v1/motion-policies/{id}",
        set_policy,
        "Pin or forbid strategies in a zone, say how caches are used, or (default) in all others",
        body=NewPolicy,
        reply=MotionPolicyView,
        status=202,
        tags=_TAGS,
    ),
    Route(
        "GET",
        "/v1/motion-policies",
        list_policies,
        "List motion policies",
        query=TimedQuery,
        reply=Page[MotionPolicyView],
        tags=_TAGS,
    ),
    Route(
        "GET",
        "/v1/motion-policies/{id}",
        show_policy,
        "Show a motion policy",
        reply=MotionPolicyView,
        tags=_TAGS,
    ),
    Route(
        "DELETE",
        "/v1/motion-policies/{id}",
        remove_policy,
        "Remove a motion policy",
        reply=MotionPolicyView,
        status=202,
        tags=_TAGS,
    ),
)
