"""python -m bench.steering: how soon orders take effect, and what backups cost a VM start."""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Any

from aiohttp import ClientTimeout

from bench.control.cloud import backing
from bench.control.processes import cost
from bench.report import Row, machine, milliseconds, percentile, show, write
from tests.e2e.deployment import PACKAGES, Deployment
from tests.e2e.operator import Operator, Refused
from tests.e2e.sources import MIB, Source, image, serving

START, BACKUP = 10, -10
SLOWLY = 256 * 1024
"""Bytes a second of a backup: it never ends by itself."""
EFFECT_SECONDS = 60
MOVING = ("running", "waiting")
LATE_SECONDS = 5
OVER = ("done", "failed", "cancelled")
HELD = 3
"""Slots of the host's four that backups get."""


@dataclass(frozen=True)
class Plan:
    """How much is measured."""

    backups: int
    starts: int
    orders: int
    start_mib: int


FULL, QUICK = Plan(100, 20, 20, 64), Plan(20, 5, 5, 64)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, show, and write what --json names."""
    parser = argparse.ArgumentParser("python -m bench.steering", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="less of everything")
    parser.add_argument("--json", type=Path, metavar="FILE", help="where the results go")
    parser.add_argument("--note", default="", help="kept with the machine's facts")
    asked = parser.parse_args(arguments)
    asyncio.run(measure(QUICK if asked.quick else FULL, asked.json, asked.note))


async def measure(plan: Plan, path: Path | None, note: str) -> None:
    """Starts alone, among backups, orders to the backups that move, and starts alone again."""
    rows: list[Row] = []
    async with cloud(plan) as built:
        idle = await _timed("VM starts, idle", built, built.starts)
        show(idle)
        backups = [await built.backup() for _ in range(plan.backups)]
        await built.watch.until_running(backups, HELD)
        name = f"VM starts under {plan.backups} backups"
        busy = await _timed(name, built, built.starts)
        show(busy)
        for what in ("pause", "resume"):
            rows.append(await _timed(f"{what}, until it is so", built, built.order(what, backups)))
            show(rows[-1])
        await built.end(backups)
        again = await _timed("VM starts, idle again", built, built.starts)
        show(again)
        calm = (idle.figures["p95_ms"] + again.figures["p95_ms"]) / 2
        busy = _with(busy, p95_to_idle=busy.figures["p95_ms"] / calm)
        rows = [idle, busy, again, *rows]
    write(path, machine(note=note), rows)


class Ended(Exception):
    """A backup was done before it could be slowed down."""


@dataclass
class Watch:
    """The state of each copy, as the gateway's events tell it."""

    states: dict[str, str] = field(default_factory=dict)
    news: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def follow(self, operator: Operator, opened: asyncio.Event) -> None:
        """Hear events until cancelled."""
        url = f"{operator.deployment.url}/v1/events"
        async with operator.session.get(url, timeout=ClientTimeout(total=None)) as stream:
            async for line in stream.content:
                opened.set()
                if line.startswith(b"data:"):
                    await self._hear(json.loads(line.removeprefix(b"data:")))

    async def _hear(self, event: dict[str, Any]) -> None:
        state = event["data"].get("state")
        if isinstance(state, dict) and "waiting_for" in state:
            self.states[state["id"]] = state["state"]
            async with self.news:
                self.news.notify_all()

    async def until(self, copy: str, states: Sequence[str]) -> None:
        """Once a copy is in one of these; raises Ended."""
        async with asyncio.timeout(EFFECT_SECONDS), self.news:
            while self.states.get(copy) not in states:
                if self.states.get(copy) == "done":
                    raise Ended
                await self.news.wait()

    def running(self, copies: Sequence[str]) -> list[str]:
        """Those that move."""
        return [copy for copy in copies if self.states.get(copy) == "running"]

    async def until_running(self, copies: Sequence[str], count: int) -> list[str]:
        """Those that move, once so many do."""
        async with asyncio.timeout(EFFECT_SECONDS), self.news:
            while len(found := self.running(copies)) < count:
                await self.news.wait()
            return found


@dataclass
class Cloud:
    """One KVM host with four slots, a store, and two templates."""

    operator: Operator
    watch: Watch
    small: str
    large: str
    plan: Plan

    async def starts(self) -> list[float]:
        """Seconds of each VM start's copy, one after another."""
        return [await self._start() for _ in range(self.plan.starts)]

    async def _start(self) -> float:
        began = monotonic()
        asked = await self.operator.copy(self.small, volume_id=f"start-{began:.6f}", priority=START)
        ended = await self.operator.settle(f"copies/{asked['id']}")
        assert ended["state"] == "done", ended["error"]
        if (taken := monotonic() - began) > LATE_SECONDS:
            _tell(ended)
        return taken

    async def backup(self) -> str:
        """A copy that matters little and takes for ever."""
        volume = f"backup-{monotonic():.6f}"
        asked = await self.operator.copy(self.large, volume_id=volume, priority=BACKUP)
        copy = str(asked["id"])
        await self.watch.until(copy, MOVING)
        change = {"bytes_per_second": SLOWLY}
        await self.operator.call("PATCH", f"copies/{copy}", change)
        return copy

    async def end(self, copies: Sequence[str]) -> None:
        """Cancel copies, and wait until none is left."""
        for copy in copies:
            if self.watch.states.get(copy) not in OVER:
                await self.operator.call("POST", f"copies/{copy}/cancel")
        for copy in copies:
            await self.operator.settle(f"copies/{copy}")

    def order(self, what: str, backups: Sequence[str]) -> Callable[[], Awaitable[list[float]]]:
        """Seconds from an order to its effect, bytes stopped or in line again."""

        async def times() -> list[float]:
            taken: list[float] = []
            while len(taken) < self.plan.orders:
                copy = (await self.watch.until_running(backups, 1))[0]
                try:
                    paused = await self._until(copy, "pause", {"reason": "measured"}, ("paused",))
                    resumed = await self._until(copy, "resume", None, MOVING)
                except (Refused, Ended):
                    continue
                taken.append(paused if what == "pause" else resumed)
            return taken

        return times

    async def _until(self, copy: str, what: str, body: Any, states: Sequence[str]) -> float:
        began = monotonic()
        await self.operator.call("POST", f"copies/{copy}/{what}", body)
        await self.watch.until(copy, states)
        return monotonic() - began


@asynccontextmanager
async def watching(operator: Operator) -> AsyncIterator[Watch]:
    """Events are heard meanwhile."""
    watch, opened = Watch(), asyncio.Event()
    task = asyncio.create_task(watch.follow(operator, opened))
    try:
        async with asyncio.timeout(EFFECT_SECONDS):
            await opened.wait()
        yield watch
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@asynccontextmanager
async def cloud(plan: Plan) -> AsyncIterator[Cloud]:
    """All services and a real agent as processes."""
    async with AsyncExitStack() as stack:
        where = await stack.enter_async_context(backing())
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="stowage-bench-"))
        deployment = Deployment(Path(folder), where)
        stack.push_async_callback(deployment.stop_all)
        await deployment.prepare()
        await deployment.start(*PACKAGES)
        operator = await stack.enter_async_context(Operator.of(deployment))
        await operator.places()
        await operator.directory_store()
        await operator.host(slots=4)
        small = await _template(operator, plan.start_mib)
        watch = await stack.enter_async_context(watching(operator))
        yield Cloud(operator, watch, small, await _template(operator, 256), plan)


async def _template(operator: Operator, mib: int) -> str:
    async with serving(Source(image(mib * MIB, seed=mib))) as source:
        made = await operator.register(source.url)
        found = await operator.settle(f"templates/{made['id']}")
    assert found["ready"], found["error"]
    return str(made["id"])


async def _timed(case: str, built: Cloud, work: Callable[[], Awaitable[list[float]]]) -> Row:
    services, began = built.operator.deployment.processes, monotonic()
    before = cost(services)
    times = await work()
    spent = cost(services).since(before)
    figures = {**milliseconds(times), "p95_ms": 1000 * percentile(times, 0.95), "n": len(times)}
    return Row(case, "stowage", monotonic() - began, spent.cpu, spent.peak_mib, figures)


def _tell(copy: dict[str, Any]) -> None:
    """What a late copy waited for."""
    for moment in copy["timeline"]:
        print(moment["at"], moment["what"], moment["text"])


def _with(row: Row, **figures: float) -> Row:
    return Row(
        row.case, row.who, row.seconds, row.cpu_seconds, row.peak_mib, {**row.figures, **figures}
    )


if __name__ == "__main__":
    main()
