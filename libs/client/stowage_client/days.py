"""Made-up days on which the settings of a fleet are tried."""

import csv
import math
from enum import StrEnum
from pathlib import Path

from stowage_contracts.caching import Demand
from stowage_contracts.errors import InvalidInput

HOUR, SLOT = 3600, 900
OPENS, CLOSES = 8, 18


class Day(StrEnum):
    """Shapes of a day."""

    OFFICE = "office"
    """Bytes are wanted from eight to six, most at one o'clock."""
    STORM = "storm"
    """All of it within five minutes, then nothing for four hours."""
    STEADY = "steady"
    """The same all day long."""


def demand(day: Day, total: int) -> tuple[Demand, ...]:
    """A day on which ``total`` bytes are wanted."""
    if day is Day.STORM:
        return (*_spread([1.0] * 5, total, 60, HOUR), Demand(seconds=5 * HOUR, wanted_bytes=0))
    times = range(0, 24 * HOUR, SLOT)
    weights = [1.0 if day is Day.STEADY else _office(at / HOUR) for at in times]
    return (*_spread(weights, total, SLOT, SLOT), Demand(seconds=25 * HOUR, wanted_bytes=0))


def _office(hour: float) -> float:
    share = (hour - OPENS) / (CLOSES - OPENS)
    return math.sin(math.pi * share) if 0 < share < 1 else 0.0


def _spread(weights: list[float], total: int, step: int, first: int) -> list[Demand]:
    whole = sum(weights)
    return [
        Demand(seconds=first + number * step, wanted_bytes=int(total * weight / whole))
        for number, weight in enumerate(weights)
    ]


def read(path: Path) -> tuple[Demand, ...]:
    """A day from a file of lines ``seconds,bytes``; raises InvalidInput."""
    try:
        with path.open(newline="") as file:
            rows = [row for row in csv.reader(file) if row and not row[0].startswith("#")]
        return tuple(Demand(seconds=float(at), wanted_bytes=int(wanted)) for at, wanted in rows)
    except (OSError, ValueError) as error:
        raise InvalidInput(
            f"no day can be read: {error}",
            resource=str(path),
            code="argument",
            hint="lines of seconds,bytes: 60,1073741824",
        ) from None
