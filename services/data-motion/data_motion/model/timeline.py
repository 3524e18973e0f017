"""What happened to a copy, as an operator reads it: the first and the last hundred moments."""

from stowage_contracts.views import Moment

from data_motion.records import HopRecord

MOST = 100
"""Moments kept from the start, and as many from the end."""


def noted(timeline: tuple[Moment, ...], moment: Moment) -> tuple[Moment, ...]:
    """The timeline with one more moment; what was said last is not said twice in a row."""
    if timeline and (timeline[-1].what, timeline[-1].text) == (moment.what, moment.text):
        return timeline
    kept = (*timeline, moment)
    return kept if len(kept) <= 2 * MOST else (*kept[:MOST], *kept[-MOST:])


def share(hop: HopRecord) -> str:
    """How much of a hop its destination holds, as its agent last told."""
    held = sum(part.length for part in hop.journaled)
    total = hop.transfer.bytes_total
    return f"{100 * held // total} % journaled" if total else f"{held} bytes journaled"
