"""Secondary storage selectors: which image store a zone's objects of one kind go to."""

import json
from typing import Any

from asyncpg import Record
from pydantic import ValidationError
from stowage_contracts.catalogue import PlacementRule
from stowage_contracts.messages.image_store import RemovePlacementRule
from stowage_contracts.values import ObjectKind, StoreRole, new_id
from stowage_runtime.handling.tx import Tx

from api_gateway.cloudstack.answers import Answer, One, Row, Rows, Success
from api_gateway.cloudstack.asks import Ask
from api_gateway.cloudstack.command import Command
from api_gateway.cloudstack.commands.image_stores import paged
from api_gateway.cloudstack.errors import INTERNAL, PARAMETER, Refused
from api_gateway.cloudstack.store_rows import serves
from api_gateway.orders import IMAGE_STORE
from api_gateway.routes.placement import NewRule, ordered

_TYPES = {kind.upper(): kind for kind in ObjectKind}
MOST = 20
"""Rules of one selector."""
_LIKE = (
    "write conditions and stores as JSON, one rule or a list of which the first that fits counts: "
    '[{"formats": ["qcow2"], "max_size": 10737418240, "store_ids": ["<id of an image store>"]}, '
    '{"store_tags": ["<tag of image stores>"]}]'
)


async def create(ask: Ask) -> Answer:
    """Say where a zone's objects of one kind go: by rules in JSON, not in JavaScript."""
    kind, selector_id = _kind(ask.text("type")), new_id()
    async with ask.desk.transaction() as tx:
        await ask.entity("zoneid", "zone", tx)
        row = {"id": selector_id, "name": ask.text("name"), "zone_id": ask.text("zoneid")}
        rules = await _rules({**row, "type": kind.upper()}, ask, tx)
        told = (ask.text("name"), ask.text("description"), ask.text("zoneid"), kind.upper())
        added = await tx.run(
            "add_selector", selector_id, *told, ask.text("heuristicrule"), len(rules)
        )
        if not added:
            raise Refused(
                INTERNAL,
                f"zone {ask.text('zoneid')} has a selector of {kind.upper()} already",
                hint="update or remove that one",
            )
        await _say(rules, 0, selector_id, ask, tx)
        return One(_shown(await _found(selector_id, tx)))


async def update(ask: Ask) -> Answer:
    """Replace the rules of a selector."""
    async with ask.desk.transaction() as tx:
        row = await _found(ask.text("id"), tx)
        rules = await _rules(dict(row), ask, tx)
        await tx.run("change_selector", row["id"], ask.text("heuristicrule"), len(rules))
        await _say(rules, row["rules"], row["id"], ask, tx)
        return One(_shown(await _found(row["id"], tx)))


async def list_selectors(ask: Ask) -> Answer:
    """List the selectors of a zone."""
    kind = _kind(ask.text("type")).upper() if ask.text("type") else ""
    async with ask.desk.transaction() as tx:
        await ask.entity("zoneid", "zone", tx)
        removed = bool(ask.flag("showremoved"))
        rows = await tx.rows("selectors", ask.text("zoneid"), kind, removed)
    keyword = ask.text("keyword").lower()
    found = [row for row in rows if keyword in row["name"].lower()]
    return Rows([_shown(row) for row in paged(found, ask)], len(found))


async def remove(ask: Ask) -> Answer:
    """Forget a selector and its rules."""
    async with ask.desk.transaction() as tx:
        row = await _found(ask.text("id"), tx)
        await tx.run("remove_selector", row["id"])
        await _say([], row["rules"], row["id"], ask, tx)
    return Success()


def _kind(text: str) -> ObjectKind:
    found = _TYPES.get(text.upper())
    if found is None:
        raise Refused(PARAMETER, f"type is one of {', '.join(_TYPES)}")
    return found


async def _found(selector_id: str, tx: Tx) -> Record:
    row = await tx.row("selector", selector_id)
    if row is None:
        raise Refused(INTERNAL, f"there is no selector {selector_id[:64]}")
    return row


async def _rules(selector: dict[str, Any], ask: Ask, tx: Tx) -> list[PlacementRule]:
    """Placement rules of what was written; raises Refused for JavaScript and what is no rule."""
    text = ask.text("heuristicrule")
    try:
        raw = json.loads(text)
    except ValueError:
        raise Refused(PARAMETER, "heuristicrule is no JSON", hint=_LIKE) from None
    given = raw if isinstance(raw, list) else [raw]
    if not 0 < len(given) <= MOST or not all(isinstance(one, dict) for one in given):
        raise Refused(PARAMETER, f"heuristicrule is one rule, or 1 to {MOST} of them", hint=_LIKE)
    rules = [_rule(selector, number, one) for number, one in enumerate(given)]
    for store_id in dict.fromkeys(key for rule in rules for key in rule.store_ids):
        store = await ask.known("store", store_id, "heuristicrule", tx)
        if store["role"] != StoreRole.IMAGE or not serves(store, selector["zone_id"]):
            raise Refused(PARAMETER, f"{store_id} is no image store of zone {selector['zone_id']}")
    return rules


def _rule(selector: dict[str, Any], number: int, given: dict[str, Any]) -> PlacementRule:
    if fixed := {"name", "kinds", "zones"} & set(given):
        raise Refused(PARAMETER, f"{', '.join(sorted(fixed))}: told by name, type and zoneid")
    if not given.get("store_ids") and not given.get("store_tags"):
        raise Refused(PARAMETER, "a rule needs store_ids or store_tags", hint=_LIKE)
    own = {"name": selector["name"], "zones": [selector["zone_id"]]}
    try:
        rule = NewRule(**{"order": number, **given, **own, "kinds": [selector["type"].lower()]})
    except ValidationError as error:
        told = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise Refused(PARAMETER, f"heuristicrule: {told}", hint=_LIKE) from None
    return PlacementRule(id=_id(selector["id"], number), **dict(rule))


async def _say(rules: list[PlacementRule], before: int, selector_id: str, ask: Ask, tx: Tx) -> None:
    for rule in rules:
        await ordered(rule, ask.principal, tx)
    for number in range(len(rules), before):
        await tx.say(RemovePlacementRule(rule_id=_id(selector_id, number)), to=IMAGE_STORE)


def _id(selector_id: str, number: int) -> str:
    return f"{selector_id}.{number}"


def _shown(row: Record) -> Row:
    return {
        "id": row["id"],
        "name": row["name"],
        "description": row["description"],
        "zoneid": row["zone_id"],
        "type": row["type"],
        "heuristicrule": row["rule"],
        "created": row["created"],
        "removed": row["removed"],
    }


_JAVASCRIPT = "rules in JavaScript: placement rules in JSON instead"
COMMANDS = (
    Command("createSecondaryStorageSelector", create, missing=_JAVASCRIPT),
    Command("updateSecondaryStorageSelector", update, missing=_JAVASCRIPT),
    Command("listSecondaryStorageSelectors", list_selectors),
    Command("removeSecondaryStorageSelector", remove),
)
