"""python -m bench.autoscale: fleets of transport VMs on made-up days, next to rivals.

Virtual time: the production strategies and controller, CloudStack's rule, KEDA's and a fleet that
knows the day decide for the same cloud. ``wait`` is how much later a copy was through than it would
have been alone; VM-hours run from the order until a VM is proven gone.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from cache_autoscaler.simulation.cloud import Cloud, Policy
from cache_autoscaler.simulation.controller import Controller, Plan
from cache_autoscaler.simulation.tally import Tally
from cache_autoscaler.strategies.backlog import BacklogStrategy
from cache_autoscaler.strategies.forecast import ForecastStrategy
from cache_autoscaler.strategies.threshold import ThresholdStrategy
from stowage_contracts.caching import CacheFleet
from stowage_contracts.plugins.autoscale_strategy import AutoscaleStrategy
from stowage_contracts.values import Scope, ScopeType

from bench.report import Row, machine, percentile, show, write
from bench.scaling.all_knowing import USUAL_WAYS, WAYS, AllKnowing, Knowledge, needed
from bench.scaling.cloudstack import CloudStack
from bench.scaling.keda import Keda
from bench.scaling.traces import BEGIN, DAYS, MEMBER, STREAMS, TRACES, Trace

Decides = Callable[[Trace, int], Policy]
"""Who decides for the n-th fleet of a trace."""


def fleet(trace: Trace) -> CacheFleet:
    """All else as a fleet has it by default."""
    scope = Scope(type=ScopeType.ZONE, id="z1", zone_id="z1")
    return CacheFleet(id="f1", name="f1", scope=scope, maximum=trace.maximum)


def ours(strategy: AutoscaleStrategy) -> Decides:
    """A production strategy, and the production controller."""

    def decide(trace: Trace, number: int) -> Policy:
        return Controller(
            Plan(
                fleet=fleet(trace),
                strategy=strategy,
                begin=BEGIN,
                usual=trace.usual[number],
                shown=MEMBER,
                spawn_limit_seconds=390,
                every=trace.every,
            )
        )

    return decide


STRATEGIES = (ThresholdStrategy(), BacklogStrategy(), ForecastStrategy())
DEFAULT = "forecast"
OURS: dict[str, Decides] = {one.name: ours(one) for one in STRATEGIES}
RIVALS: dict[str, Decides] = {
    "cloudstack": lambda trace, _: CloudStack(trace.maximum, shrinks=False),
    "cloudstack, scale.down": lambda trace, _: CloudStack(trace.maximum, shrinks=True),
    "keda, value 4": lambda trace, _: Keda(4, trace.maximum),
    "keda, value 8": lambda trace, _: Keda(STREAMS, trace.maximum),
    "keda, value 20": lambda trace, _: Keda(20, trace.maximum),
}


def knowing(way: Knowledge) -> Decides:
    """A fleet that knows the day."""

    def decide(trace: Trace, number: int) -> Policy:
        plan = needed(trace.days[number], way, trace.maximum)
        return AllKnowing(plan, trace.lead, trace.maximum)

    return decide


@dataclass(frozen=True)
class Result:
    """A trace as one candidate did it."""

    who: str
    seconds: float
    tallies: Sequence[Tally]

    @property
    def waits(self) -> list[float]:
        """Of all copies of all fleets."""
        return [wait for tally in self.tallies for wait in tally.waits]

    @property
    def hours(self) -> float:
        """Of all fleets."""
        return sum(tally.vm_hours for tally in self.tallies)

    @property
    def p95(self) -> float:
        """Seconds."""
        return percentile(self.waits, 0.95)


def live(trace: Trace, who: str, decides: Decides) -> Result:
    """One candidate's day."""
    begun = time.process_time()
    tallies = []
    for number, day in enumerate(trace.days):
        tally = Tally(trace.maximum, fleet(trace).cool_down_seconds)
        Cloud(day, decides(trace, number), tally).run()
        tallies.append(tally)
    return Result(who, time.process_time() - begun, tallies)


@dataclass(frozen=True)
class Round:
    """Everybody on one trace."""

    trace: Trace
    found: Sequence[Result]
    known: Sequence[Result]
    """The all-knowing, by their plans."""

    @property
    def best(self) -> Result:
        """The rival whose copies wait least."""
        return min((one for one in self.found if one.who in RIVALS), key=lambda one: one.p95)

    @property
    def default(self) -> Result:
        """What a fleet is decided by that names no strategy."""
        return next(one for one in self.found if one.who == DEFAULT)

    def cheapest(self, wait: float) -> Result:
        """The fewest VM-hours of the all-knowing that keep this wait; the quickest if none does."""
        keeps = [one for one in self.known if one.p95 <= wait]
        if not keeps:
            return min(self.known, key=lambda one: one.p95)
        return min(keeps, key=lambda one: one.hours)

    def rows(self) -> Iterable[Row]:
        """Everybody's; the all-knowing as cheap as keep the wait of ours, and of the best rival."""
        for one in self.found:
            yield self.row(one, one.who)
        yield self.row(self.cheapest(self.default.p95), f"all-knowing, for {DEFAULT}")
        yield self.row(self.cheapest(self.best.p95), f"all-knowing, for {self.best.who}")

    def row(self, result: Result, who: str) -> Row:
        """Its figures, and those next to the best rival and to who knows the day."""
        waits, tallies = result.waits, result.tallies
        figures: dict[str, float | str] = {
            "copies": len(waits),
            "p50_wait_seconds": percentile(waits, 0.5),
            "p95_wait_seconds": result.p95,
            "vm_hours": result.hours,
            "hours_of_best_rival": result.hours / self.best.hours,
            "hours_of_all_knowing": result.hours / self.cheapest(result.p95).hours,
            "work_hours": sum(a.size for day in self.trace.days for a in day.asked) / MEMBER / 3600,
            "spawns": sum(tally.spawns for tally in tallies),
            "flaps": sum(tally.flaps for tally in tallies),
            "aborted": sum(tally.aborted for tally in tallies),
            "over_ceiling": sum(tally.over for tally in tallies),
            "most": max(tally.most for tally in tallies),
            "unserved": sum(tally.unserved for tally in tallies),
            "best_rival": self.best.who,
            "plan": result.who,
        }
        return Row(self.trace.name, who, result.seconds, result.seconds, 0, figures)


def measure(trace: Trace, quick: bool) -> Round:
    """Everybody on one trace."""
    ways = USUAL_WAYS if quick or len(trace.days) > DAYS else WAYS
    return Round(
        trace,
        [live(trace, who, decides) for who, decides in (OURS | RIVALS).items()],
        [live(trace, f"{w.slack:g} s, {w.fullness:g} full", knowing(w)) for w in ways],
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, show, and write what --json names."""
    parser = argparse.ArgumentParser("python -m bench.autoscale", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="without the 10,000 hosts")
    parser.add_argument("--trace", help="only those whose name has this in it")
    parser.add_argument("--json", type=Path, metavar="FILE", help="where the results go")
    parser.add_argument("--note", default="", help="kept with the machine's facts")
    asked = parser.parse_args(arguments)
    rows: list[Row] = []
    for make in TRACES[:-1] if asked.quick else TRACES:
        trace = make()
        if asked.trace and asked.trace not in trace.name:
            continue
        for one in measure(trace, asked.quick).rows():
            rows.append(one)
            show(one)
            write(asked.json, machine(note=asked.note), rows)
    return 0


if __name__ == "__main__":
    sys.exit(main())
