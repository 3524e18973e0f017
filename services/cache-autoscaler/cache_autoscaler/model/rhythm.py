"""The daily rhythm: what is usual at each quarter of an hour of the day (UTC). Pure."""

from collections.abc import Mapping
from datetime import datetime

from stowage_contracts.plugins.autoscale_strategy import Usual

SLOT_MINUTES = 15
SLOTS = 24 * 60 // SLOT_MINUTES


def slot(now: datetime) -> int:
    """Which quarter of an hour of the day it is."""
    return (now.hour * 60 + now.minute) // SLOT_MINUTES


def usual(slots: Mapping[int, float], days: int) -> tuple[Usual, ...]:
    """Every slot of the day from mean bytes by slot; none until a day is known."""
    if days <= 0:
        return ()
    return tuple(
        Usual(
            minute=each * SLOT_MINUTES,
            bytes_per_second=slots.get(each, 0.0) / (SLOT_MINUTES * 60),
            days=days,
        )
        for each in range(SLOTS)
    )
