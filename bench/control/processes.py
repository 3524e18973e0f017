"""What processes cost: CPU seconds and the most memory they ever held."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil

Processes = Mapping[str, asyncio.subprocess.Process]


@dataclass(frozen=True)
class Cost:
    """Of some processes together, and of each."""

    cpu_seconds: Mapping[str, float]
    peak_mib: float

    @property
    def cpu(self) -> float:
        """Seconds of all."""
        return sum(self.cpu_seconds.values())

    def since(self, before: Cost) -> Cost:
        """What was spent in between."""
        spent = {name: now - before.cpu_seconds[name] for name, now in self.cpu_seconds.items()}
        return Cost(spent, self.peak_mib)


def cost(processes: Processes) -> Cost:
    """What these have cost since they started."""
    return Cost(
        {name: _cpu_seconds(process.pid) for name, process in processes.items()},
        sum(_peak_mib(process.pid) for process in processes.values()),
    )


def _cpu_seconds(pid: int) -> float:
    times = psutil.Process(pid).cpu_times()
    return float(times.user + times.system)


def _peak_mib(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))
