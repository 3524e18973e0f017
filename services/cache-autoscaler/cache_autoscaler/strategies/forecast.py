"""forecast: backlog, and who is usually needed by the time a member could be there."""

from datetime import UTC

from stowage_contracts.plugins.autoscale_strategy import AutoscaleAsk, Usual
from stowage_contracts.values import Instant
from stowage_contracts.views import DesiredCount

from cache_autoscaler.strategies.backlog import wish
from cache_autoscaler.strategies.sizing import rate, size, span, up, within

AHEAD = 2.0
"""Spawn times looked ahead."""
WORTH = 0.5
"""A member is only kept for what usually keeps this much of it busy."""
DAY = 1440


class ForecastStrategy:
    """Spawns for the rise before it comes, and keeps what the next slot wants."""

    name = "forecast"

    def desired(self, ask: AutoscaleAsk) -> DesiredCount:
        """Enough for now, and for the next minutes of a usual day."""
        wanted, why = wish(ask)
        if ask.now is None or not ask.usual:
            return within(ask, self.name, wanted, f"{why}; no usual day is known yet")
        ahead = AHEAD * ask.spawn_seconds
        slot = _busiest(ask.usual, ask.now, ahead)
        usual = _members(slot.bytes_per_second / (rate(ask) * ask.high_water))
        told = f"{size(slot.bytes_per_second)}/s are usual within {span(ahead)}"
        told += f" ({slot.days} days): {usual}"
        if usual > wanted:
            return within(ask, self.name, usual, f"{told}; {why}")
        return within(ask, self.name, wanted, f"{why}; {told}")


def _members(wanted: float) -> int:
    whole = int(wanted)
    return whole + 1 if wanted - whole >= WORTH else whole


def _busiest(usual: tuple[Usual, ...], now: Instant, ahead: float) -> Usual:
    """The busiest of the slots from now until then."""
    clock = now.astimezone(UTC)
    begin = clock.hour * 60 + clock.minute
    end = begin + up(ahead / 60)
    near = [slot for slot in _unrolled(usual) if slot[0] <= end and slot[1] > begin]
    return max((slot[2] for slot in near), key=lambda slot: slot.bytes_per_second)


def _unrolled(usual: tuple[Usual, ...]) -> list[tuple[int, int, Usual]]:
    """Slots with their begin and end, over three days, so that midnight is no border."""
    starts = [(day * DAY + slot.minute, slot) for day in (-1, 0, 1, 2) for slot in usual]
    ends = [minute for minute, _ in starts[1:]]
    return [(start, end, slot) for (start, slot), end in zip(starts, ends, strict=False)]
