"""Put and get of a batch: Stowage, then every client of that store, by turns."""

from __future__ import annotations

import asyncio
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from bench.data.mover import Took
from bench.data.processes import Cost, timed
from bench.report import Row
from bench.store.batch import MIB, Batch
from bench.store.clients import summed, synced
from bench.store.mover import Work
from bench.store.places import Place, directory_side

OURS = "stowage"


@dataclass(frozen=True)
class Course:
    """One batch on one store."""

    place: Place
    batch: Batch
    results: Path
    """Empty folder for what comes back."""

    async def put(self, turn: int) -> list[Row]:
        """Each leaves its own objects, which are deleted after the turn."""
        rows = [self._row("put", OURS, await self._moved(True, self._name(turn, OURS)))]
        for client in self.place.clients:
            name = self._name(turn, client.who)
            if self.place.folder is not None and client.needs_folder:
                (self.place.folder / name).mkdir()
            cost = client.put(self.batch, name) + self._durable(name)
            rows.append(self._row("put", client.who, cost))
        for who in (OURS, *(client.who for client in self.place.clients)):
            if (turn, who) != (0, OURS):
                await self._drop(self._name(turn, who))
        return rows

    async def get(self, turn: int) -> list[Row]:
        """Of what Stowage put in the first turn; all candidates read the same objects."""
        name = self._name(0, OURS)
        rows = [self._row("get", OURS, await self._moved(False, name))]
        for client in self.place.clients:
            self._clean()
            cost = client.get(self.batch, name, self.results)
            files = [self.results / file.name for file in self.batch.files]
            rows.append(self._row("get", client.who, cost + synced(files)))
        self._clean()
        return rows

    async def end(self) -> None:
        """Deletes what was read."""
        await self._drop(self._name(0, OURS))

    async def _moved(self, put: bool, name: str) -> Cost:
        self._clean()
        here, there = directory_side(self.batch.folder), directory_side(self.results)
        store, items = self.place.side, self.batch.into(name) if put else self.batch.back(name)
        ends = {"source": here, "destination": store}
        work = Work(**(ends if put else {"source": store, "destination": there}), items=items)
        command = [sys.executable, "-m", "bench.store.mover"]
        cost = await asyncio.to_thread(timed, command, work.model_dump_json())
        took = Took.model_validate_json(cost.output)
        return Cost(took.seconds, took.cpu_seconds, took.peak_mib)

    def _durable(self, name: str) -> Cost:
        """A rival's upload is known by the digest of its source."""
        if self.place.folder is None:
            return summed(self.batch.files)
        files = [self.place.folder / name / file.name for file in self.batch.files]
        return timed(["sync", *map(str, files)]) + summed(self.batch.files)

    async def _drop(self, name: str) -> None:
        """Of small ones little is left, and that ends with the server."""
        if self.batch.count > 1:
            return
        driver = self.place.side.open()
        for item in self.batch.into(name):
            await driver.delete(item.destination)
        if close := getattr(driver, "aclose", None):
            await close()

    def _clean(self) -> None:
        shutil.rmtree(self.results)
        self.results.mkdir()

    def _name(self, turn: int, who: str) -> str:
        return f"{self.batch.name.replace(' ', '')}-{who}-{turn}"

    def _row(self, verb: str, who: str, cost: Cost) -> Row:
        case = f"{verb} {self.batch.name}, {self.place.name}"
        figures = {
            "mib_per_s": self.batch.size / MIB / cost.seconds,
            "objects_per_s": self.batch.count / cost.seconds,
            "cpu_seconds_per_gib": cost.cpu_seconds / (self.batch.size / (1 << 30)),
        }
        return Row(case, who, cost.seconds, cost.cpu_seconds, cost.peak_mib, figures)
