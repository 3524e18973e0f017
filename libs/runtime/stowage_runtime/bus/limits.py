"""The bounds of a bus: how many at once, how often again, how long a wait may last."""

from dataclasses import dataclass, replace

from stowage_contracts.topology import DELIVERY_LIMIT, RETRY_SECONDS, SIGNAL_QUEUE_LENGTH


@dataclass(frozen=True)
class BusLimits:
    """All have defaults for production; tests shorten the waits."""

    ladder: tuple[float, ...] = RETRY_SECONDS
    """Seconds before each retry; the last one repeats until ``deliveries`` are used up, and for
    as long as a reader is Unavailable: an outage is no fault of the message."""
    deliveries: int = DELIVERY_LIMIT
    prefetch: int = 128
    parallel: int = 16
    """Handlers at once on one lane; messages of one subject never overlap."""
    confirm_seconds: float = 10.0
    connect_seconds: float = 10.0
    stop_seconds: float = 20.0
    """How long running handlers may finish when the bus is paused."""
    queue_length: int = 1_000_000
    """Beyond it the broker refuses to take more, and outboxes wait."""
    signal_length: int = SIGNAL_QUEUE_LENGTH

    @property
    def sharing(self) -> "BusLimits":
        """The limits of a lane whose handlers share transactions: all that is there at once."""
        return replace(self, parallel=self.prefetch)

    def delay(self, attempt: int) -> float:
        """Seconds to wait after the ``attempt``-th failed delivery."""
        return self.ladder[self.step(attempt)]

    def step(self, attempt: int) -> int:
        """Index of the rung for the ``attempt``-th failed delivery (from 1)."""
        return min(attempt, len(self.ladder)) - 1
