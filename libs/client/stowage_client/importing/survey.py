"""A dry run: everything is read and judged, nothing is said to anybody."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from stowage_client.importing.choosing import REASONS, Choice
from stowage_client.importing.records import CACHE, Pool
from stowage_client.importing.report import (
    MOST_PROBLEMS,
    PoolLine,
    ProblemLine,
    Report,
    StoreLine,
    Tally,
)
from stowage_client.importing.source import NOUNS, Source
from stowage_client.importing.stores import StorePlan

Told = Callable[[str, int], None]
"""Hears a noun and how many of it were read so far."""


@dataclass
class Survey:
    """Counts a source's choices."""

    source: Source
    told: Told = lambda noun, count: None
    needed: Counter[str] = field(default_factory=Counter)
    """Objects taken from each store, by its key."""
    _problems: list[ProblemLine] = field(default_factory=list)
    _more: int = 0

    def report(self) -> Report:
        """Reads every object once; blocking."""
        source, version = self.source, self.source.version
        tables = source.tables()
        tallies = {noun: self._tally(noun) for noun in NOUNS}
        return Report(
            source=source.database.dsn.shown,
            version=version.text,
            schema_read="4.1" if version.legacy else "4.2+",
            tables=tables,
            zones={zone.id: zone.name for zone in source.world.zones.values() if not zone.removed},
            accounts=len(source.world.accounts),
            stores=tuple(self.line(plan) for plan in source.plans.values()),
            pools=tuple(map(_pool, source.world.pools)),
            objects=tallies,
            problems=tuple(self._problems),
            more_problems=self._more,
            warnings=tuple(self._warnings()),
        )

    def line(self, plan: StorePlan) -> StoreLine:
        """A store as the report tells it."""
        store = plan.store
        return StoreLine(
            id=store.id,
            name=store.name,
            provider=store.provider,
            role=store.role,
            zone_id=plan.zone_id,
            action="skip" if plan.code else self._action(plan),
            code=plan.code,
            cause=plan.cause,
            objects=self.needed[store.key],
        )

    def _action(self, plan: StorePlan) -> str:
        if plan.store.role == CACHE and not self.needed[plan.store.key]:
            return "if needed"
        return "add read-only" if plan.read_only else "add"

    def _tally(self, noun: str) -> Tally:
        found = taken = 0
        skip, left, notes = Counter[str](), Counter[str](), Counter[str]()
        for page in self.source.choices(noun):
            found += len(page)
            taken += sum(1 for choice in page if choice.body is not None)
            skip.update(choice.code for choice in page if choice.body is None)
            left.update(why for one in page if one.body is not None for _, why in one.left)
            notes.update(note for choice in page for note in choice.notes)
            self._count(page)
            self.told(noun, found)
        return Tally(
            found=found,
            take=taken,
            skip=dict(skip),
            removed=self.source.removed(noun),
            copies_left=dict(left),
            notes=dict(notes),
        )

    def _count(self, page: Iterable[Choice]) -> None:
        for choice in page:
            self.needed.update(choice.stores)
            if choice.body is None:
                where = ", ".join(sorted({store for store, _ in choice.left if store}))
                self.problem(choice, choice.code, where)

    def problem(self, choice: Choice, code: str, where: str) -> None:
        """One more object that is not taken."""
        if len(self._problems) >= MOST_PROBLEMS:
            self._more += 1
            return
        thing = choice.thing
        line = ProblemLine(
            noun=thing.noun,
            id=thing.id,
            name=thing.name,
            code=code,
            cause=REASONS.get(code, code),
            where=where,
        )
        self._problems.append(line)

    def _warnings(self) -> Iterable[str]:
        if self.source.version.newer:
            yield "its release is newer than any this was tried with: look at the report first"
        if not any(plan.code == "" for plan in self.source.plans.values()):
            yield "no store can be taken over, and so no object"
        caches = [
            plan.store.name
            for key, plan in self.source.plans.items()
            if plan.store.role == CACHE and self.needed[key]
        ]
        if caches:
            named = ", ".join(caches)
            yield f"caches with the only copies of something are added read-only: {named}"


def _pool(pool: Pool) -> PoolLine:
    return PoolLine(
        id=pool.id,
        name=pool.name,
        kind=pool.kind,
        place=f"{pool.host}:{pool.path}",
        scope=pool.scope,
        zone_id=pool.zone,
        status=pool.status,
        volumes=pool.volumes,
    )
