"""python -m bench.fanout: many hosts behind shaped links want one template at the same time.

Services, broker, database, store and agents are real processes in a network namespace of their own
(root and ``tc`` are needed). ``origin`` is what the store sent, in sizes of the template; ``times``
is how long the last host took next to a host that is alone.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.control.processes import Cost, cost
from bench.fan.cloud import Cloud, Took, cloud
from bench.fan.links import MIB, enter, inside, shape
from bench.report import Row, machine, show, write


@dataclass(frozen=True)
class Plan:
    """What is measured."""

    hosts: Sequence[int]
    size: int
    link: int
    """Bytes a second that each host, and the store, can send."""


FULL = Plan((1, 10, 50), 1024 * MIB, 5 * MIB)
QUICK = Plan((1, 4, 10), 256 * MIB, 8 * MIB)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, show, and write what --json names."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    parser = argparse.ArgumentParser("python -m bench.fanout", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="up to 10 hosts, 256 MiB")
    parser.add_argument("--hosts", type=int, nargs="+", help="numbers of hosts instead")
    parser.add_argument("--link", type=float, help="MiB a second of each link instead")
    parser.add_argument("--json", type=Path, metavar="FILE", help="where the results go")
    parser.add_argument("--note", default="", help="kept with the machine's facts")
    asked = parser.parse_args(given)
    if not inside():
        with tempfile.TemporaryDirectory(prefix="stowage-bench-servers-") as state:
            Path(state).chmod(0o755)  # user postgres must get there
            return enter("bench.fanout", given, state)
    plan = QUICK if asked.quick else FULL
    link = int(asked.link * MIB) if asked.link else plan.link
    plan = Plan(tuple(asked.hosts or plan.hosts), plan.size, link)
    asyncio.run(measure(plan, asked.json, asked.note))
    return 0


async def measure(plan: Plan, path: Path | None, note: str) -> None:
    """Every number of hosts in turn; one alone comes first, the others are told next to it."""
    facts = machine(
        note=note, size_mib=plan.size // MIB, link_mib_per_second=plan.link / MIB, data="1/8 noise"
    )
    rows: list[Row] = []
    shape(max(plan.hosts), plan.link)
    with tempfile.TemporaryDirectory(prefix="stowage-bench-") as folder:
        async with cloud(Path(folder), plan.size) as built:
            for hosts in plan.hosts:
                await built.grow(hosts)
                rows.append(await _case(built, hosts, rows))
                show(rows[-1])
                write(path, facts, rows)


async def _case(built: Cloud, hosts: int, before: Sequence[Row]) -> Row:
    processes = built.operator.deployment.processes
    agents = {name: one for name, one in processes.items() if name.startswith("agent:h")}
    spent = cost(agents)
    took = await built.round(hosts)
    alone = before[0].seconds if before else took.seconds[-1]
    return _row(hosts, took, cost(agents).since(spent), (alone, len(built.source.content)))


def _row(hosts: int, took: Took, spent: Cost, next_to: tuple[float, int]) -> Row:
    alone, size = next_to
    last, copied = took.seconds[-1], hosts * size / (1 << 30)
    figures = {
        "hosts": hosts,
        "origin": took.origin_bytes / size,
        "times": last / alone,
        "first_seconds": took.seconds[0],
        "peers_lost": took.peers_lost,
        "median_seconds": took.seconds[len(took.seconds) // 2],
        "cpu_seconds_per_gib": spent.cpu / copied,
    }
    case = f"{hosts} {'hosts' if hosts > 1 else 'host'}, {size // MIB} MiB"
    return Row(case, "stowage", last, spent.cpu, spent.peak_mib / hosts, figures)


if __name__ == "__main__":
    raise SystemExit(main())
