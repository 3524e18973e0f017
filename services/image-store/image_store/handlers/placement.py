"""Placement: its rules, and what it would say."""

from stowage_contracts.catalogue import PlacementRule
from stowage_contracts.errors import InvalidInput, NotFound
from stowage_contracts.messages.image_store import (
    ExplainPlacement,
    PlacementExplained,
    PlacementRuleChanged,
    PlacementRuleRemoved,
    RemovePlacementRule,
    SetPlacementRule,
)
from stowage_runtime.handling.tx import Tx
from stowage_runtime.service import Desk

from image_store.deps import Deps
from image_store.keeping.placing import rules_of
from image_store.model.placement import Wish, weigh
from image_store.store import room_of


async def on_set_placement_rule(message: SetPlacementRule, tx: Tx, deps: Deps) -> None:
    """A rule names stores that exist, or tags; raises InvalidInput, NotFound."""
    rule = message.rule
    resource = f"placement_rule/{rule.id}"
    if not rule.store_ids and not rule.store_tags:
        raise InvalidInput(
            "the rule sends things nowhere",
            code="rule",
            resource=resource,
            hint="name at least one store, or one tag that stores carry",
        )
    low, high = rule.min_size or 0, rule.max_size
    if high is not None and high < low:
        raise InvalidInput(f"no size is from {low} to {high}", code="rule", resource=resource)
    unknown = await tx.value("stores_unknown", list(rule.store_ids))
    if unknown is not None:
        raise NotFound("no such image store", resource=f"store/{unknown}")
    await tx.run("set_rule", rule.id, rule.order, rule.model_dump(mode="json"))
    await tx.say(PlacementRuleChanged(state=rule))


async def on_remove_placement_rule(message: RemovePlacementRule, tx: Tx, deps: Deps) -> None:
    """An unknown one is gone already."""
    row = await tx.row("drop_rule", message.rule_id)
    if row is not None:
        await tx.say(PlacementRuleRemoved(state=PlacementRule.model_validate(row["rule"])))


async def on_explain_placement(
    message: ExplainPlacement, desk: Desk, deps: Deps
) -> PlacementExplained:
    """The same judgement a registration gets, asked in advance; nothing is reserved."""
    async with desk.transaction() as tx:
        rooms = [room_of(row) for row in await tx.rows("stores_to_weigh")]
        rules = await rules_of(tx)
    weighed = weigh(rooms, rules, _wish(message), deps.settings.store_high_water)
    return PlacementExplained(
        account_id=message.account_id,
        rule_id=weighed.rule.id if weighed.rule else None,
        answers=weighed.answers,
    )


def _wish(message: ExplainPlacement) -> Wish:
    return Wish(
        kind=message.kind_of,
        format=message.format,
        account_id=message.account_id,
        scope=message.scope,
        size=message.size,
        tags=message.tags,
        store_ids=message.store_ids,
    )
