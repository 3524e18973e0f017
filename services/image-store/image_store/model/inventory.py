"""How what a store lists differs from what the catalogue says; and what may be removed."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from stowage_contracts.catalogue import FindingKind
from stowage_contracts.plugins.image_store_driver import ObjectStat
from stowage_contracts.values import ReplicaState

REMOVABLE = frozenset({FindingKind.ORPHAN, FindingKind.OPEN_WRITE})
"""Bytes without an owner; what is missing or mismatched is mended instead."""


@dataclass(frozen=True)
class Known:
    """What the catalogue says of a key."""

    ref_id: str
    state: ReplicaState
    size: int | None


@dataclass(frozen=True)
class Suspect:
    """A difference, until the store is asked again."""

    kind: FindingKind
    key: str
    size: int | None = None
    ref_id: str | None = None


def compare(
    listed: Iterable[ObjectStat], known: Mapping[str, Known], going: Collection[str]
) -> list[Suspect]:
    """Listed objects that the catalogue does not have, or has with another size.

    What is being made, deleted (``going``: its key) or known to be bad is as it should be.
    """
    found = []
    for stat in listed:
        ref = known.get(stat.key)
        if stat.key in going:
            continue
        if ref is None:
            found.append(Suspect(FindingKind.ORPHAN, stat.key, stat.size))
        elif ref.state is ReplicaState.READY and ref.size != stat.size:
            found.append(Suspect(FindingKind.MISMATCHED, stat.key, stat.size, ref.ref_id))
    return found


def confirm(suspect: Suspect, there: ObjectStat | None, wanted: int | None) -> Suspect | None:
    """What a second look makes of a suspect; ``wanted`` is the size the catalogue says."""
    if suspect.kind is FindingKind.ORPHAN:
        return suspect if there is not None else None
    if there is None:
        return Suspect(FindingKind.MISSING, suspect.key, None, suspect.ref_id)
    if there.size == wanted:
        return None
    return Suspect(FindingKind.MISMATCHED, suspect.key, there.size, suspect.ref_id)


def holds(suspect: Suspect, known: Mapping[str, Known], going: Collection[str]) -> bool:
    """Whether the catalogue still says what made it a suspect."""
    ref = known.get(suspect.key)
    if suspect.key in going:
        return False
    if suspect.kind is FindingKind.ORPHAN:
        return ref is None
    return ref is not None and ref.ref_id == suspect.ref_id and ref.state is ReplicaState.READY


def removable(
    kind: FindingKind, sightings: int, first_seen: datetime, bounds: tuple[datetime, float]
) -> bool:
    """Seen twice and its grace over; ``bounds`` are the time now and the grace in seconds."""
    now, grace = bounds
    return kind in REMOVABLE and sightings > 1 and first_seen + timedelta(seconds=grace) <= now
