"""Which store gets what."""

from stowage_contracts.catalogue import PlacementAnswer, PlacementRule
from stowage_contracts.messages.image_store.words import Command, Reply, Request, StateEvent
from stowage_contracts.values import Bytes, Id, ImageFormat, Name, ObjectKind, Scope


class SetPlacementRule(Command, subject="placement_rule/{rule.id}"):
    """Add or replace a rule; it holds for what is written from now on."""

    rule: PlacementRule


class RemovePlacementRule(Command, subject="placement_rule/{rule_id}"):
    """Forget a rule."""

    rule_id: Id


class PlacementRuleChanged(StateEvent, subject="placement_rule/{state.id}"):
    """A rule was added or replaced."""

    state: PlacementRule


class PlacementRuleRemoved(StateEvent, subject="placement_rule/{state.id}"):
    """A rule is gone."""

    state: PlacementRule


class ExplainPlacement(Request, subject="account/{account_id}"):
    """Which stores would get such an object now, and why not the others."""

    kind_of: ObjectKind = ObjectKind.TEMPLATE
    format: ImageFormat
    account_id: Id
    size: Bytes | None = None
    scope: Scope
    tags: tuple[Name, ...] = ()
    store_ids: tuple[Id, ...] = ()


class PlacementExplained(Reply, subject="account/{account_id}"):
    """Every image store's answer; one of them at most is chosen."""

    account_id: Id
    rule_id: Id | None = None
    """The rule that decided; None when none matched and every store may take it."""
    answers: tuple[PlacementAnswer, ...]
