"""The numbers and the signature that the pure rules need."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from pydantic import SecretStr
from stowage_contracts.messages.hypervisor_agent import HopTicket, PeerTicket


@dataclass(frozen=True)
class Limits:
    """Deadlines in seconds and slots; ``settings.py`` says what each is for."""

    offer_seconds: float = 10
    lease_seconds: float = 20
    stall_seconds: float = 30
    host_return_seconds: float = 600
    wait_seconds: float = 86400
    cache_wait_seconds: float = 3600
    cache_poll_seconds: float = 2
    cache_poll_most_seconds: float = 15
    cache_quiet_seconds: float = 10
    commit_seconds: float = 3600
    commit_again_seconds: float = 5
    pin_again_seconds: float = 20
    unable_again_seconds: float = 2
    steer_again_seconds: float = 5
    pause_seconds: float = 30 * 86400
    ticket_seconds: float = 3600
    silent_seconds: float = 15
    away_seconds: float = 10
    cut_off_seconds: float = 120
    feeding_seconds: float = 60
    fanout_children: int = 2
    max_attempts: int = 6
    store_slots: int = 8
    zone_slots: int = 32
    account_slots: int = 24

    def slots_of(self, kind: str) -> int:
        """How many slots each store, zone or account has."""
        counts = {"store": self.store_slots, "account": self.account_slots}
        return counts.get(kind, self.zone_slots)

    def backoff(self, attempts: int) -> timedelta:
        """How long to wait before try number ``attempts`` + 1."""
        return timedelta(seconds=min(30, 2 ** max(0, attempts - 1)))


Sign = Callable[[HopTicket | PeerTicket, datetime], SecretStr]


@dataclass(frozen=True)
class Rules:
    """What a step may know besides the state and the message."""

    limits: Limits
    sign: Sign
