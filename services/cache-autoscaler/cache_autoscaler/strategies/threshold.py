"""threshold: more caches when the mean load is high, fewer when it is low."""

from math import ceil

from stowage_contracts.plugins.autoscale_strategy import AutoscaleAsk
from stowage_contracts.views import DesiredCount

from cache_autoscaler.model.pressure import utilisation
from cache_autoscaler.strategies.sizing import rate, size, within


class ThresholdStrategy:
    """Between the marks nothing changes: that is its hysteresis."""

    name = "threshold"

    def desired(self, ask: AutoscaleAsk) -> DesiredCount:
        """As many as bring the mean load between the marks."""
        queued = max(0, ask.backlog_bytes) / (rate(ask) * max(1.0, ask.deadline_seconds))
        total = sum(map(utilisation, ask.loads)) + queued
        wanted, why = _wanted(ask, total, total / max(1, ask.current))
        if ask.backlog_bytes > 0:
            wanted = max(1, wanted)
            why += f"; {size(ask.backlog_bytes)} wait for any of them"
        return within(ask, self.name, wanted, why)


def _wanted(ask: AutoscaleAsk, total: float, mean: float) -> tuple[int, str]:
    told = f"mean load {mean:.0%} of {ask.current}"
    enough = ceil(2 * total / (ask.high_water + ask.low_water))
    if mean >= ask.high_water:
        more = max(ask.current + 1, enough)
        return more, f"{told} is at or above {ask.high_water:.0%}"
    if mean <= ask.low_water:
        return min(enough, ask.current), f"{told} is at or below {ask.low_water:.0%}"
    return ask.current, f"{told} lies between {ask.low_water:.0%} and {ask.high_water:.0%}"
