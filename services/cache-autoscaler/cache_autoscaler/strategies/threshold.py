"""threshold: one more cache when the mean load is high, fewer when it is low."""

from math import ceil

from stowage_contracts.plugins.autoscale_strategy import AutoscaleAsk
from stowage_contracts.views import DesiredCount

from cache_autoscaler.model.pressure import utilisation


class ThresholdStrategy:
    """Between the marks nothing changes: that is its hysteresis."""

    name = "threshold"

    def desired(self, ask: AutoscaleAsk) -> DesiredCount:
        """As many as bring the mean load between the marks."""
        total = sum(map(utilisation, ask.loads))
        mean = total / max(1, ask.current)
        wanted, why = _wanted(ask, total, mean)
        count = min(max(wanted, ask.limits.minimum), ask.limits.maximum)
        if count != wanted:
            why += f"; {wanted} wanted, limits are {ask.limits.minimum} to {ask.limits.maximum}"
        return DesiredCount(count=count, reason=why, strategy=self.name)


def _wanted(ask: AutoscaleAsk, total: float, mean: float) -> tuple[int, str]:
    told = f"mean load {mean:.0%} of {ask.current}"
    enough = ceil(2 * total / (ask.high_water + ask.low_water))
    if mean >= ask.high_water:
        more = max(ask.current + 1, enough)
        return more, f"{told} is at or above {ask.high_water:.0%}"
    if mean <= ask.low_water:
        return min(enough, ask.current), f"{told} is at or below {ask.low_water:.0%}"
    return ask.current, f"{told} lies between {ask.low_water:.0%} and {ask.high_water:.0%}"
