"""The order of events: behind the one they follow, whichever gateway hears of it first."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple


class Subject(NamedTuple):
    """Whose events are counted together."""

    source: str
    name: str


@dataclass(frozen=True)
class Event:
    """An event on its way into the feed."""

    subject: Subject
    number: int
    """Its place among the events of its subject; 0 where nobody counts."""
    text: str
    """Its row as a JSON object."""
    condition: str = ""
    """In a word, the state it carries."""
    was: str = ""
    """The condition before it, as far as that is known."""


@dataclass(frozen=True)
class Told:
    """What the feed has of a subject."""

    number: int = 0
    condition: str = ""


@dataclass
class Arranged:
    """What goes into the feed, in this order, and what waits."""

    tell: list[Event] = field(default_factory=list)
    hold: list[Event] = field(default_factory=list)


def arrange(
    events: Sequence[Event], held: Iterable[Event], told: Mapping[Subject, Told]
) -> Arranged:
    """Put each event behind the one before it, with what was held until now.

    One that comes after later ones were told is told at once: who keeps the newest number is not
    misled by it.
    """
    result, last = Arranged(), dict(told)
    waiting: dict[Subject, dict[int, Event]] = defaultdict(dict)
    for event in held:
        waiting[event.subject][event.number] = event
    for event in [*_due(waiting, last), *events]:
        if event.number == 0:
            result.tell.append(event)
        elif event.number > last.get(event.subject, Told()).number + 1:
            waiting[event.subject][event.number] = event
        else:
            _tell(event, waiting[event.subject], last, result)
    result.hold = [event for left in waiting.values() for event in left.values()]
    return result


def _due(waiting: dict[Subject, dict[int, Event]], last: dict[Subject, Told]) -> list[Event]:
    """Held ones whose turn it is already."""
    found = ((key, last.get(key, Told()).number + 1) for key in waiting)
    return [waiting[key].pop(number) for key, number in found if number in waiting[key]]


def release(held: Iterable[Event], told: Mapping[Subject, Told]) -> list[Event]:
    """Held events in order, whatever is missing between them."""
    result, last = Arranged(), dict(told)
    for event in sorted(held, key=lambda each: (each.subject, each.number)):
        _tell(event, {}, last, result)
    return result.tell


def _tell(
    event: Event, waiting: dict[int, Event], last: dict[Subject, Told], result: Arranged
) -> None:
    following: Event | None = event
    while following is not None:
        before = last.get(event.subject, Told())
        result.tell.append(replace(following, was=before.condition))
        if following.number > before.number:
            condition = following.condition or before.condition
            last[event.subject] = Told(following.number, condition)
        following = waiting.pop(last[event.subject].number + 1, None)
