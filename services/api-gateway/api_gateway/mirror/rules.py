"""What an operator wants done about which events."""

from collections.abc import Sequence
from enum import StrEnum
from fnmatch import fnmatchcase

from pydantic import Field
from stowage_contracts.values import Value

POLL = "POLL"
"""Last word of the event type that polling stands for: ``TEMPLATE.POLL``."""


class Action(StrEnum):
    """What follows from an event."""

    MIRROR = "mirror"
    """Look at what it is about, and do here what was done there."""
    PREFETCH = "prefetch"
    """The same, and bring a template onto a cache of each of its zones."""
    IGNORE = "ignore"


class Rule(Value):
    """One row of the mapping; the first that fits an event decides."""

    event: str = Field(min_length=1, max_length=100)
    """An event type with ``*`` for anything: ``TEMPLATE.*``, ``VOLUME.STATE``, ``*.POLL``."""
    action: Action


def action_of(event_type: str, rules: Sequence[Rule]) -> Action:
    """What the rules want; what none of them names is mirrored."""
    for rule in rules:
        if fnmatchcase(event_type, rule.event):
            return rule.action
    return Action.MIRROR


def stronger(one: Action, other: Action) -> Action:
    """What two wishes for one entity come to."""
    return Action.PREFETCH if Action.PREFETCH in (one, other) else one
