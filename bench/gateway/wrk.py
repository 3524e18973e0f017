"""wrk: one signed request again and again, which CloudStack's protocol allows."""

from __future__ import annotations

import re
from dataclasses import dataclass

from bench.report import Figures
from tests.servers.apt import Requirement, program, provide
from tests.servers.process import run

WRK = Requirement(("wrk",), ("wrk",))
_UNITS = {"us": 0.001, "ms": 1.0, "s": 1000.0, "m": 60_000.0}


@dataclass(frozen=True)
class Load:
    """How hard it is asked."""

    connections: int
    seconds: int


def asked(url: str, load: Load) -> Figures:
    """Requests each second, median and 99th percentile in ms, and how many were refused."""
    provide([WRK])
    argv = [program("wrk"), "-t1", f"-c{load.connections}", f"-d{load.seconds}s", "--latency", url]
    said = run(argv, load.seconds + 30)
    refused = re.search(r"Non-2xx or 3xx responses: (\d+)", said)
    return {
        "per_second": float(_found(r"Requests/sec:\s+([\d.]+)", said)[0]),
        "p50_ms": _milliseconds("50%", said),
        "p99_ms": _milliseconds("99%", said),
        "refused": int(refused[1]) if refused else 0,
    }


def _milliseconds(share: str, said: str) -> float:
    number, unit = _found(rf"{share}\s+([\d.]+)(us|ms|s|m)", said)
    return float(number) * _UNITS[unit]


def _found(pattern: str, said: str) -> tuple[str, ...]:
    match = re.search(pattern, said)
    if match is None:
        raise LookupError(f"wrk said no {pattern}: {said}")
    return match.groups()
