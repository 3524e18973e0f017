"""Events become rows of what to look at: many of one entity are one, in any order."""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from stowage_runtime.handling.tx import Tx

from api_gateway.mirror.events import Entity, Event, Malformed
from api_gateway.mirror.metrics import EVENTS, LAG
from api_gateway.mirror.nouns import MirrorNoun, noun_of_type
from api_gateway.mirror.rules import Action, Rule, action_of, stronger

FUTURE = timedelta(hours=1)
"""A time further ahead is no time of an event."""


@dataclass(frozen=True)
class Wanted:
    """A wish to look at an entity."""

    action: Action
    reason: str
    deleted: bool
    events: int = 1

    def with_another(self, other: "Wanted") -> "Wanted":
        """Both in one."""
        return Wanted(
            stronger(self.action, other.action),
            other.reason,
            self.deleted or other.deleted,
            self.events + other.events,
        )


class Figures:
    """What is added to the counters of all gateways, in one statement."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self._times: dict[str, datetime] = {}
        self._words: dict[str, str] = {}

    def count(self, name: str, by: int = 1) -> None:
        """One more of them."""
        self.counts[name] += by

    def note(self, name: str, at: datetime, told: str | None = None) -> None:
        """The newest of its name."""
        self.counts[name] += 0
        self._times[name] = max(at, self._times.get(name, at))
        if told is not None:
            self._words[name] = told

    async def write(self, tx: Tx) -> None:
        """Add them."""
        rows = [
            {
                "name": name,
                "count": count,
                "at": self._times[name].isoformat() if name in self._times else None,
                "told": self._words.get(name),
            }
            for name, count in self.counts.items()
        ]
        if rows:
            await tx.run("mirror.count", json.dumps(rows))


@dataclass(frozen=True)
class Intake:
    """Takes batches of what came."""

    rules: Sequence[Rule] = ()
    settle_seconds: float = 0
    """How long the first event of an entity waits for others."""
    sweep_seconds: float = 0
    """The same of an event that does not tell its entity, so that all of a noun is looked at."""
    most: int = 1_000_000
    """With more looks than this waiting, events ask for one of their whole noun."""

    async def take(self, batch: Iterable[Event | Malformed], tx: Tx) -> None:
        """Keep what to look at, and count all of it."""
        figures, wanted = Figures(), dict[Entity, Wanted]()
        for each in batch:
            if isinstance(each, Malformed):
                figures.count("events.malformed")
                figures.note("events.error", tx.now, str(each))
            else:
                self._sort(each, wanted, figures)
                _note_time(each, figures, tx.now)
        if wanted and await tx.value("mirror.crowded", self.most):
            figures.count("events.crowded", len(wanted))
            wanted = {Entity(each.noun): wish for each, wish in wanted.items()}
        await self.ask(wanted, figures, tx)
        await figures.write(tx)
        for name, count in figures.counts.items():
            if name.startswith("events.") and count:
                EVENTS.add(count, {"outcome": name.partition(".")[2]})

    async def ask(self, wanted: dict[Entity, Wanted], figures: Figures, tx: Tx) -> None:
        """Have entities looked at."""
        rows = [
            {
                "noun": entity.noun,
                "id": entity.id,
                "action": each.action,
                "reason": each.reason,
                "deleted": each.deleted,
                "events": each.events,
                "wait": self._wait(entity),
            }
            for entity, each in wanted.items()
        ]
        if rows:
            asked = await tx.rows("mirror.ask", json.dumps(rows))
            fresh = sum(row["fresh"] for row in asked)
            figures.count("events.joined", sum(each.events for each in wanted.values()) - fresh)

    def _wait(self, entity: Entity) -> float:
        whole = not entity.id and entity.noun is not MirrorNoun.PLACE
        return self.sweep_seconds if whole else self.settle_seconds

    def _sort(self, event: Event, wanted: dict[Entity, Wanted], figures: Figures) -> None:
        action = action_of(event.type, self.rules)
        if action is Action.IGNORE or not event.entities:
            figures.count("events.ignored")
            return
        if not event.finished:
            figures.count("events.unfinished")
            return
        figures.count("events.failed" if event.failed else "events.taken")
        one = Wanted(action, event.type, event.deletes)
        for entity in event.entities:
            # what else a call was about lives on: of a snapshot's end its volume is told, too
            deleted = one.deleted and entity.noun is noun_of_type(event.type)
            wish = Wanted(one.action, one.reason, deleted)
            wanted[entity] = wanted[entity].with_another(wish) if entity in wanted else wish


def _note_time(event: Event, figures: Figures, now: datetime) -> None:
    if event.at is None or event.at > now + FUTURE:
        return
    figures.note("events.newest", event.at, now.isoformat())
    LAG.set(max(0.0, (now - event.at).total_seconds()))
