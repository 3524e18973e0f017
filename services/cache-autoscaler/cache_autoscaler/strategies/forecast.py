"""forecast: backlog, and who is usually needed by the time a member could be there."""

from bisect import bisect_right
from datetime import UTC

from stowage_contracts.plugins.autoscale_strategy import AutoscaleAsk, Usual
from stowage_contracts.values import Instant
from stowage_contracts.views import DesiredCount

from cache_autoscaler.strategies.backlog import wish
from cache_autoscaler.strategies.sizing import rate, size, span, within

AHEAD = 2.0
"""Spawn times looked ahead."""
WORTH = 0.25
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
    """The busiest of the slots from now until then; midnight is no border."""
    clock = now.astimezone(UTC)
    begin = clock.hour * 60 + clock.minute
    at = bisect_right(usual, begin, key=lambda slot: slot.minute) - 1
    best = usual[at]
    for number in range(at + 1, at + 1 + len(usual)):
        slot = usual[number % len(usual)]
        if slot.minute + DAY * (number // len(usual)) > begin + ahead / 60:
            break
        best = max(best, slot, key=lambda slot: slot.bytes_per_second)
    return best
