"""Placement: rules that say which store gets what, and what they would say; operators only."""

from typing import Self

from pydantic import BaseModel, Field, model_validator
from stowage_contracts.catalogue import PlacementRule
from stowage_contracts.errors import InvalidInput
from stowage_contracts.messages.image_store import (
    ExplainPlacement,
    PlacementExplained,
    RemovePlacementRule,
    SetPlacementRule,
)
from stowage_contracts.values import Bytes, Id, ImageFormat, Name, ObjectKind, Scope
from stowage_runtime.handling.tx import Tx
from stowage_runtime.http import Call, Reply, Route
from stowage_runtime.service import Desk

from api_gateway.accounts import Principal
from api_gateway.bodies import Given, is_id
from api_gateway.conditions import matched
from api_gateway.deps import Deps
from api_gateway.filters import NamedQuery
from api_gateway.idempotency import accept
from api_gateway.orders import IMAGE_STORE, ask, order
from api_gateway.resources import Page, page, reference, show, shown

NOUN = "placement_rule"
MOST = 200
"""Entries of one condition: a rule travels in messages."""
LARGEST = 1 << 62
FURTHEST = 1_000_000


class NewRule(Given):
    """Conditions, an empty one holds for everything, and the stores that are allowed then."""

    name: Name
    order: int = Field(default=0, ge=-FURTHEST, le=FURTHEST)
    kinds: tuple[ObjectKind, ...] = Field(default=(), max_length=MOST)
    formats: tuple[ImageFormat, ...] = Field(default=(), max_length=MOST)
    accounts: tuple[Id, ...] = Field(default=(), max_length=MOST)
    zones: tuple[Id, ...] = Field(default=(), max_length=MOST)
    tags: tuple[Name, ...] = Field(default=(), max_length=MOST)
    """All of them are on the object."""
    min_size: Bytes | None = Field(default=None, le=LARGEST)
    max_size: Bytes | None = Field(default=None, le=LARGEST)
    """Inclusive; an unknown size holds for neither."""
    store_ids: tuple[Id, ...] = Field(default=(), max_length=MOST)
    store_tags: tuple[Name, ...] = Field(default=(), max_length=MOST)
    """Allowed are the stores named and those that carry all these tags."""

    @model_validator(mode="after")
    def _sizes_in_order(self) -> Self:
        least, most = self.min_size, self.max_size
        if least is not None and most is not None and most < least:
            raise ValueError("max_size is less than min_size")
        return self


class WantedPlace(Given):
    """An object somebody might register."""

    kind: ObjectKind = ObjectKind.TEMPLATE
    format: ImageFormat
    account_id: Id | None = None
    """The caller's when missing."""
    size: Bytes | None = Field(default=None, le=LARGEST)
    zone_id: Id | None = None
    """One zone; region-wide when missing."""
    tags: tuple[Name, ...] = Field(default=(), max_length=MOST)
    store_ids: tuple[Id, ...] = Field(default=(), max_length=MOST)


async def set_rule(call: Call, desk: Desk, deps: Deps) -> Reply:
    """Add or replace a rule; it holds for what is written from now on."""
    call.principal.require_admin()
    rule_id = call.path["id"]
    if not is_id(rule_id):
        raise InvalidInput("not an id", resource=f"{NOUN}/{rule_id[:64]}", code="id")
    rule = PlacementRule(id=rule_id, **dict(call.body))

    async def make(tx: Tx) -> PlacementRule:
        return await ordered(rule, call.principal, tx)

    return await accept(call, desk, deps, matched(call, NOUN, make))


async def ordered(rule: PlacementRule, principal: Principal, tx: Tx) -> PlacementRule:
    """Have a rule set; raises NotFound for zones and stores that are not there."""
    for zone_id in rule.zones:
        await reference("zone", zone_id, principal, tx)
    for store_id in rule.store_ids:
        await reference("store", store_id, principal, tx)
    await tx.run("put_pending", NOUN, rule.id, rule.model_dump(mode="json"))
    await tx.say(SetPlacementRule(rule=rule), to=IMAGE_STORE)
    return rule


async def list_rules(call: Call, desk: Desk, deps: Deps) -> BaseModel:
    """All rules."""
    call.principal.require_admin()
    return await page(NOUN, call, desk)


async def show_rule(call: Call, desk: Desk, deps: Deps) -> Reply:
    """A rule."""
    call.principal.require_admin()
    return shown(await show(NOUN, call.path["id"], call, desk))


async def remove_rule(call: Call, desk: Desk, deps: Deps) -> Reply:
    """Forget a rule."""
    call.principal.require_admin()
    return await order(
        call, desk, deps, NOUN, lambda found: RemovePlacementRule(rule_id=found["id"])
    )


async def explain(call: Call, desk: Desk, deps: Deps) -> PlacementExplained:
    """Which stores would get such an object now, and why not the others."""
    call.principal.require_admin()
    body: WantedPlace = call.body
    question = ExplainPlacement(
        kind_of=body.kind,
        format=body.format,
        account_id=body.account_id or call.principal.account_id,
        size=body.size,
        scope=Scope.zone(body.zone_id) if body.zone_id else Scope.region(),
        tags=body.tags,
        store_ids=body.store_ids,
    )
    return await ask(desk, question, PlacementExplained)


_TAGS = ("placement",)
ROUTES: tuple[Route[Deps], ...] = (
    Route(
        "PUT",
        "/v1/placement-rules/{id}",
        set_rule,
        "Add or replace a placement rule",
        body=NewRule,
        reply=PlacementRule,
        status=202,
        tags=_TAGS,
    ),
    Route(
        "GET",
        "/v1/placement-rules",
        list_rules,
        "List placement rules",
        query=NamedQuery,
        reply=Page[PlacementRule],
        tags=_TAGS,
    ),
    Route(
        "GET",
        "/v1/placement-rules/{id}",
        show_rule,
        "Show a placement rule",
        reply=PlacementRule,
        tags=_TAGS,
    ),
    Route(
        "DELETE",
        "/v1/placement-rules/{id}",
        remove_rule,
        "Remove a placement rule",
        reply=PlacementRule,
        status=202,
        tags=_TAGS,
    ),
    Route(
        "POST",
        "/v1/placement/explain",
        explain,
        "Explain where an object would be placed",
        body=WantedPlace,
        reply=PlacementExplained,
        tags=_TAGS,
    ),
)
