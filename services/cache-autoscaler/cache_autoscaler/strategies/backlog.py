"""backlog: drain what is queued within the deadline at the rate members have shown."""

from stowage_contracts.plugins.autoscale_strategy import AutoscaleAsk
from stowage_contracts.views import DesiredCount

from cache_autoscaler.strategies.sizing import Sizes, rate, size, sizes, span, up, within

AIM = 0.25
"""Share of the deadline that is planned with: more comes while what is queued drains."""
LINGER = 0.05
"""Share of the deadline: as long as more than this waits, nobody is sent away."""
SPARE = 0.9
"""Fewer members must stay this far below high water, so that they do not come back."""


class BacklogStrategy:
    """Counts members on their way, and the time that spawning more would take."""

    name = "backlog"

    def desired(self, ask: AutoscaleAsk) -> DesiredCount:
        """Enough for what moves and for what waits."""
        wanted, why = wish(ask)
        return within(ask, self.name, wanted, why)


def wish(ask: AutoscaleAsk) -> tuple[int, str]:
    """The count, whatever the limits, and why."""
    seen = sizes(ask)
    moving, told = _for_flow(ask, seen)
    draining, why = _for_queue(ask, seen)
    return (draining, f"{why}; {told}") if draining > moving else (moving, f"{told}; {why}")


def _for_flow(ask: AutoscaleAsk, seen: Sizes) -> tuple[int, str]:
    """What moves now keeps members between the marks."""
    told = f"{seen.flow / max(1, ask.current):.0%} of {ask.current} busy"
    if seen.pressing >= ask.high_water * ask.current and seen.pressing > 0:
        more = max(ask.current + 1, up(seen.pressing / ask.high_water))
        return more, f"{told}, at or above {ask.high_water:.0%}"
    fewer = up(seen.flow / (ask.high_water * SPARE))
    return min(ask.current, fewer), told


def _for_queue(ask: AutoscaleAsk, seen: Sizes) -> tuple[int, str]:
    """What waits is through in time, by those that serve, those that come, and more."""
    if not seen.waiting_bytes:
        return 0, "nothing waits"
    told = f"{size(seen.waiting_bytes)} wait at {size(rate(ask))}/s a member"
    within_seconds = max(1.0, ask.deadline_seconds)
    aim = AIM * within_seconds
    late = max(aim - ask.spawn_seconds, aim / 4)
    left = seen.waiting - seen.serving * aim
    wanted = max(1, seen.serving + min(up(left / late), seen.takers) if left > 0 else 0)
    if wanted > ask.current:
        return wanted, f"{told}; {wanted} drain it in {span(aim)} of {span(within_seconds)}"
    takes = seen.waiting / max(1, ask.current)
    if takes > LINGER * within_seconds:
        return ask.current, f"{told}; {ask.current} need {span(takes)}"
    return min(1, ask.current), f"{told}; that is little"
