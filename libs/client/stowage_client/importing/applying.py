"""A run: zones, stores and objects are asked for; what is there already is left as it is."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from stowage_contracts.errors import NotFound, Stalled
from stowage_contracts.values import StoreState

from stowage_client.client import Client
from stowage_client.importing.choosing import Choice
from stowage_client.importing.records import CACHE
from stowage_client.importing.report import MOST_PROBLEMS, ProblemLine, StoreLine
from stowage_client.importing.source import NOUNS, Source
from stowage_client.importing.stores import StorePlan
from stowage_client.importing.survey import Survey
from stowage_client.watching import settled_store

MOST, LARGEST = 100, 700_000
"""Objects and characters of one batch."""
_PAUSE, _AT_ONCE, _TASKS = 1.0, 8, 1000
Told = Callable[[str, int], None]


@dataclass
class Run:
    """One run; killed at any point, the next one goes on where this one was."""

    client: Client
    survey: Survey
    told: Told = lambda what, count: None
    progress: Counter[str] = field(default_factory=Counter)
    problems: list[ProblemLine] = field(default_factory=list)
    more_problems: int = 0
    warnings: list[str] = field(default_factory=list)
    asked: list[tuple[str, str]] = field(default_factory=list)
    """Nouns and ids of what is on its way."""
    stall: float = 6 * 3600
    """Seconds of waiting in which nothing settles."""

    async def zones(self, zones: Mapping[str, str]) -> None:
        """Each that is not known yet, under its own id."""
        for zone_id, name in zones.items():
            try:
                await self.client.zones.show(zone_id)
            except NotFound:
                await self.client.zones.add(name, id=zone_id)

    async def stores(self) -> tuple[tuple[StoreLine, ...], Source]:
        """What became of each, and the source without those that were refused."""
        lines, refused = [], set()
        for key, plan in self.survey.source.plans.items():
            line = self.survey.line(plan)
            if not plan.code and (plan.store.role != CACHE or self.survey.needed[key]):
                line = line.model_copy(update=await self._store(plan))
                if line.action == "refused":
                    refused.add(key)
            lines.append(line)
        return tuple(lines), self.survey.source.without(frozenset(refused))

    async def _store(self, plan: StorePlan) -> dict[str, str]:
        known = await self._known(plan)
        if not known:
            await self._add(plan)
        view = await settled_store(self.client, plan.store.id)
        if view.state is StoreState.REMOVED:
            error = view.error
            told = {"code": error.code, "cause": error.cause} if error else {}
            return {"action": "refused", **told}
        if known:
            if plan.read_only and view.state is StoreState.UP:
                self.warnings.append(f"store {view.name} was there already, and is not read-only")
            return {"action": "known"}
        if plan.read_only:
            await self.client.stores.change(view.id, state=StoreState.READ_ONLY)
        return {"action": "added"}

    async def _known(self, plan: StorePlan) -> bool:
        try:
            view = await self.client.stores.show(plan.store.id)
        except NotFound:
            return False
        return view.state is not StoreState.REMOVED

    async def _add(self, plan: StorePlan) -> None:
        scope = {"scope": "zone", "scope_id": plan.zone_id} if plan.zone_id else {"scope": "region"}
        await self.client.stores.add(
            plan.store.name,
            plan.provider,
            id=plan.store.id,
            settings=plan.settings,
            secrets=plan.secrets,
            **scope,
        )

    async def objects(self, source: Source) -> None:
        """Ask for all that can be taken, batch by batch."""
        owners = set[str]()
        for noun in NOUNS:
            count = 0
            async for batch in _batches(source, noun):
                accounts = _owners(batch, source, owners)
                bodies = [choice.body or {} for choice in batch]
                items = await self.client.imports.take(bodies, accounts)
                owners |= {account["id"] for account in accounts}
                for choice, item in zip(batch, items, strict=True):
                    self.progress[item.progress] += 1
                    self._note(choice, item)
                count += len(batch)
                self.told(noun, count)

    def _note(self, choice: Choice, item: Any) -> None:
        if item.progress in ("taken", "reading"):
            self.asked.append((choice.thing.noun, choice.thing.id))
        elif item.error is not None:
            self._problem(choice.thing.noun, choice.thing.id, item.error)

    def _problem(self, noun: str, id: str, error: Any) -> None:
        if len(self.problems) >= MOST_PROBLEMS:
            self.more_problems += 1
            return
        told = {"code": error.code, "cause": error.cause, "where": error.resource}
        self.problems.append(ProblemLine(noun=noun, id=id, name="", **told))

    async def settle(self) -> None:
        """Wait until all that is on its way is ready or has failed; raises Stalled once nothing
        settled for ``stall`` seconds."""
        for on_its_way in ("taken", "reading"):
            self.progress.pop(on_its_way, None)
        try:
            async with asyncio.timeout(self.stall) as limit:
                await self._settle(limit)
        except TimeoutError:
            raise Stalled(
                f"nothing was read for {self.stall:.0f} seconds",
                code="import",
                hint="do agents see the stores? run it again to go on waiting",
            ) from None

    async def _settle(self, limit: asyncio.Timeout) -> None:
        turns, done = asyncio.Semaphore(_AT_ONCE), 0

        async def one(noun: str, id: str) -> None:
            nonlocal done
            async with turns:
                await self._settled(noun, id)
            done += 1
            limit.reschedule(asyncio.get_running_loop().time() + self.stall)
            self.told("settled", done)

        for start in range(0, len(self.asked), _TASKS):
            async with asyncio.TaskGroup() as group:
                for noun, id in self.asked[start : start + _TASKS]:
                    group.create_task(one(noun, id))

    async def _settled(self, noun: str, id: str) -> None:
        nouns: dict[str, Any] = {
            "template": self.client.templates,
            "volume": self.client.volumes,
            "snapshot": self.client.snapshots,
        }
        while True:
            view = await nouns[noun].show(id, wait=30)
            if not any(one.state in ("Allocated", "Creating") for one in view.replicas) and (
                view.replicas or view.error or view.removed
            ):
                break
            await asyncio.sleep(_PAUSE)  # ready in one place, and still read in another
        self.progress["ready" if view.ready else "failed"] += 1
        failed = next((one.error for one in view.replicas if one.error), view.error)
        if failed is not None:
            self._problem(noun, id, failed)


async def _batches(source: Source, noun: str) -> AsyncIterator[list[Choice]]:
    """Choices to ask for, few enough for one request; read in a thread."""
    pages: Iterator[list[Choice]] = source.choices(noun)
    batch, size = list[Choice](), 0
    while (page := await asyncio.to_thread(next, pages, None)) is not None:
        for choice in page:
            if choice.body is None:
                continue
            length = len(json.dumps(choice.body))
            if batch and (len(batch) == MOST or size + length > LARGEST):
                yield batch
                batch, size = [], 0
            batch.append(choice)
            size += length
    if batch:
        yield batch


def _owners(batch: list[Choice], source: Source, known: set[str]) -> list[dict[str, Any]]:
    """Accounts of a batch that were not told yet, with the domains they are in."""
    found = {choice.thing.account: source.world.accounts[choice.thing.account] for choice in batch}
    return [
        {
            "id": account.id,
            "name": account.name,
            "domains": [{"id": id, "name": name} for id, name in account.lineage],
        }
        for account in found.values()
        if account.id not in known
    ]
