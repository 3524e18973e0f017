"""What a measurement leaves behind: facts of the machine, rows, a table for people."""

from __future__ import annotations

import json
import os
import platform
import sys
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

Figures = Mapping[str, Any]


@dataclass(frozen=True)
class Row:
    """One case as one candidate did it; ``figures`` are its rates and latencies by name."""

    case: str
    who: str
    """``stowage``, a rival's name, or ``ceiling``."""
    seconds: float
    cpu_seconds: float
    peak_mib: float
    figures: Figures = field(default_factory=dict)

    @property
    def flat(self) -> dict[str, Any]:
        """As the results file has it."""
        return {key: _short(value) for key, value in (_common(self) | dict(self.figures)).items()}


def _common(row: Row) -> dict[str, Any]:
    known = asdict(row)
    del known["figures"]
    return known


def _short(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _short(inner) for key, inner in value.items()}
    return float(f"{value:.4g}") if isinstance(value, float) else value


def percentile(values: Iterable[float], share: float) -> float:
    """The smallest value that at least ``share`` of all are not above; 0 without any."""
    ordered = sorted(values)
    return ordered[max(0, -int(-share * len(ordered) // 1) - 1)] if ordered else 0.0


def milliseconds(seconds: Iterable[float]) -> dict[str, float]:
    """Median and 99th percentile; nothing when nothing was timed."""
    known = list(seconds)
    return (
        {}
        if not known
        else {"p50_ms": 1000 * percentile(known, 0.5), "p99_ms": 1000 * percentile(known, 0.99)}
    )


def machine(**more: Any) -> dict[str, Any]:
    """What figures depend on; nothing that names this machine."""
    pages, size = os.sysconf("SC_PHYS_PAGES"), os.sysconf("SC_PAGE_SIZE")
    return {
        "cpus": len(os.sched_getaffinity(0)),
        "cpu": _cpu(),
        "memory_gib": round(pages * size / 2**30, 1),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "load_before": os.getloadavg()[0],
        **more,
    }


def _cpu() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def write(path: Path | None, facts: Figures, rows: Iterable[Row]) -> None:
    """Write the results file, if one was asked for."""
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        found = {"machine": dict(facts), "rows": [row.flat for row in rows]}
        path.write_text(json.dumps(found, indent=1) + "\n")


def show(row: Row) -> None:
    """One line of a row's plain numbers."""
    numbers = {k: v for k, v in row.flat.items() if isinstance(v, int | float)}
    told = "  ".join(f"{key} {value:g}" for key, value in numbers.items())
    sys.stdout.write(f"{row.who:8} {row.case:44} {told}\n")
    sys.stdout.flush()
