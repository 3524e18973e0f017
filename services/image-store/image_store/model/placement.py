"""Which store gets what: declarative rules, one place, with a reason for every store."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from stowage_contracts.catalogue import PlacementAnswer, PlacementRule
from stowage_contracts.errors import Conflict, InvalidInput, OutOfSpace, StowageError
from stowage_contracts.values import Id, ImageFormat, ObjectKind, Scope, ScopeType

from image_store.model.rooms import Room, check_room, reaches
from image_store.model.store_states import MAY, Verb


@dataclass(frozen=True)
class Wish:
    """What wants a place; ``size`` in bytes, None while it is not known."""

    kind: ObjectKind
    format: ImageFormat
    account_id: Id
    scope: Scope
    size: int | None = None
    tags: tuple[str, ...] = ()
    store_ids: tuple[Id, ...] = ()
    """Only these, when any are named."""


@dataclass(frozen=True)
class Weighed:
    """Every store's answer, the best one first among those allowed."""

    rule: PlacementRule | None
    best: Room | None
    answers: tuple[PlacementAnswer, ...]
    error: StowageError
    """What to raise when there is no best one."""


def choose(rooms: Iterable[Room], rules: Sequence[PlacementRule], wish: Wish, high: float) -> Room:
    """The allowed store with most room; raises InvalidInput, Conflict or OutOfSpace."""
    weighed = weigh(rooms, rules, wish, high)
    if weighed.best is None:
        raise weighed.error
    return weighed.best


def weigh(
    rooms: Iterable[Room], rules: Sequence[PlacementRule], wish: Wish, high: float
) -> Weighed:
    """Ask every store; ``high`` is the share of a store that may be filled."""
    known, rule = sorted(rooms, key=lambda room: room.store_id), deciding(rules, wish)
    refused = {room.store_id: _refusal(room, rule, wish, high) for room in known}
    allowed = [room for room in known if refused[room.store_id] is None]
    best = max(allowed, key=lambda room: _worth(room, wish, high), default=None)
    answers = tuple(_answer(room, refused[room.store_id], best, high) for room in known)
    return Weighed(rule, best, answers, _error(wish, list(refused.values())))


def deciding(rules: Sequence[PlacementRule], wish: Wish) -> PlacementRule | None:
    """The first rule whose every condition holds."""
    ordered = sorted(rules, key=lambda rule: (rule.order, rule.id))
    return next((rule for rule in ordered if _holds(rule, wish)), None)


def _holds(rule: PlacementRule, wish: Wish) -> bool:
    bounded = rule.min_size is not None or rule.max_size is not None
    if bounded and wish.size is None:
        return False
    size = wish.size or 0
    return (
        (not rule.kinds or wish.kind in rule.kinds)
        and (not rule.formats or wish.format in rule.formats)
        and (not rule.accounts or wish.account_id in rule.accounts)
        and (not rule.zones or wish.scope.zone_id in rule.zones)
        and set(rule.tags) <= set(wish.tags)
        and (rule.min_size or 0) <= size
        and (rule.max_size is None or size <= rule.max_size)
    )


def _refusal(
    room: Room, rule: PlacementRule | None, wish: Wish, high: float
) -> StowageError | None:
    if wish.store_ids and room.store_id not in wish.store_ids:
        return InvalidInput("it was not asked for", code="not_asked")
    if room.state not in MAY[Verb.PLACE]:
        return Conflict(f"the store is {room.state}", code="not_writable")
    if wish.scope.type is not ScopeType.REGION and not reaches(room.scope, wish.scope):
        where = f"{wish.scope.type} {wish.scope.id}"
        return Conflict(f"it does not reach {where}", code="out_of_reach")
    if rule is not None and not _named(rule, room):
        return Conflict(f"rule {rule.name!r} sends it elsewhere", code="rule")
    try:
        check_room(room, wish.size, high)
    except OutOfSpace as error:
        return error
    return None


def _named(rule: PlacementRule, room: Room) -> bool:
    tagged = bool(rule.store_tags) and set(rule.store_tags) <= set(room.tags)
    return tagged or room.store_id in rule.store_ids


def _worth(room: Room, wish: Wish, high: float) -> tuple[bool, float, str]:
    """A region-wide object goes to a region-wide store if there is one."""
    wide = wish.scope.type is ScopeType.REGION and room.scope.type is ScopeType.REGION
    return wide, room.free(high), room.store_id


def _answer(
    room: Room, refused: StowageError | None, best: Room | None, high: float
) -> PlacementAnswer:
    free = room.free(high)
    room_text = "unlimited" if free == float("inf") else f"{int(free)} bytes"
    reason = refused.problem.cause if refused else f"{room_text} free below the high-water mark"
    return PlacementAnswer(
        store_id=room.store_id, chosen=room is best, allowed=refused is None, reason=reason
    )


def _error(wish: Wish, refused: list[StowageError | None]) -> StowageError:
    """The nearest miss: a store that lacks only room, else one that may not be written to."""
    full = next((each for each in refused if isinstance(each, OutOfSpace)), None)
    if full is not None:
        return full
    told = sorted({each.problem.cause for each in refused if each is not None})
    where = f"{wish.scope.type} {wish.scope.id or ''}".rstrip()
    why = f": {'; '.join(told[:3])}" if told else ""
    return Conflict(
        f"no writable image store may take it for {where}{why}",
        code="no_store",
        hint="add an image store with that zone or region as its scope, or change the rules",
    )
