"""One run: a plan's deeds and faults side by side, then everything mended and judged."""

from __future__ import annotations

import asyncio
import traceback
from collections import Counter
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from random import Random
from typing import Any

from tests.e2e.operator import Refused
from tests.failure.chaos.faults import Log, Ruin
from tests.failure.chaos.judge import Judge
from tests.failure.chaos.plan import Plan, drawn
from tests.failure.chaos.user import User
from tests.failure.chaos.world import World

RUN_SECONDS = 400.0


@dataclass(frozen=True)
class Verdict:
    """How a run ended."""

    plan: Plan
    broken: list[str]
    log: list[str]
    timelines: list[str] = field(default_factory=list)
    outcomes: dict[str, int] = field(default_factory=dict)

    def __str__(self) -> str:
        head = f"seed {self.plan.seed}: {'; '.join(self.broken) or 'all holds'}"
        return "\n".join([head, "deeds:", str(self.plan), "log:", *self.log, *self.timelines])


async def run(world: World, seed: int) -> Verdict:
    """Break that world as the seed says; what was not true afterwards."""
    plan, log = drawn(seed, world.kit), Log()
    async with AsyncExitStack() as sources:
        judge = Judge(world, User(world, log, sources), log)
        try:
            async with asyncio.timeout(RUN_SECONDS):
                await _suffer(plan, judge.user, Ruin(world, Random(seed), log))
                await judge.look()
        except Exception:  # a run that cannot be ended or judged is broken, too
            judge.broken.append(traceback.format_exc())
        timelines = await _timelines(judge) if judge.broken else []
        await _forget(judge.user)
    return Verdict(plan, judge.broken, log.lines, timelines, judge.outcomes)


async def _suffer(plan: Plan, user: User, ruin: Ruin) -> None:
    supervisor = asyncio.create_task(ruin.supervise())
    try:
        async with asyncio.TaskGroup() as deeds:
            for deed in plan.deeds:
                deeds.create_task(user.do(deed))
            async with asyncio.TaskGroup() as faults:
                for fault in plan.faults:
                    faults.create_task(ruin.strike(fault))
            await ruin.mend()
    finally:
        supervisor.cancel()
        with suppress(asyncio.CancelledError):
            await supervisor


async def _timelines(judge: Judge) -> list[str]:
    """Every copy of the objects that broken invariants name."""
    told = "; ".join(judge.broken)
    names = [wish.deed.name for wish in judge.user.wishes.values() if wish.deed.name in told]
    lines = []
    for name in names or [wish.deed.name for wish in judge.user.wishes.values()]:
        for row in await judge.facts.rows(f"""
            SELECT c.id, c.state, c.strategy, c.waiting_for, c.error, c.timeline,
                (SELECT json_agg(json_build_array(h.state, h.host_id, h.epoch, h.generation,
                    h.attempts, h.error)) FROM data_motion.hops h WHERE h.copy_id = c.id) AS hops
            FROM data_motion.copies c WHERE c.request::text LIKE '%"{name}"%'"""):
            lines += [f"copy of {name}: {_plain(row)}"]
    return lines


def _plain(row: dict[str, Any]) -> str:
    return ", ".join(f"{key} {value}" for key, value in row.items() if value)


async def _forget(user: User) -> None:
    """The next run begins with an empty house."""
    for wish in user.wishes.values():
        paths = [f"templates/{wish.template}"] if wish.template else []
        for path in [*paths, *(f"volumes/{volume}" for volume in wish.volumes)]:
            with suppress(Refused):
                await user.insist("DELETE", path)


def tally(verdicts: list[Verdict]) -> str:
    """How often what came of a wish."""
    total: Counter[str] = Counter()
    for verdict in verdicts:
        total.update(verdict.outcomes)
    return ", ".join(f"{count} {outcome}" for outcome, count in sorted(total.items()))
