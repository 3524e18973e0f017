"""Which peer is asked next: nearest first, patiently while it grows, the leader last."""

from dataclasses import dataclass, field

from hypervisor_agent.feeding.client import PeerClient

SILENT_SECONDS = 10.0
"""Without a word of any peer for so long, the origin is read…"""
BARREN_SECONDS = 120.0
"""…and when they live, but none delivers a byte for so long…"""
ORIGIN_SECONDS = 30.0
"""…for so long, before peers are asked again."""
STUCK_SECONDS = 15.0
"""A peer that got nothing itself for so long is passed over."""
LONGEST_REST = 4.0
"""Before a peer that failed is asked again, at most."""
NEAR = 2
"""Peers asked before the leader, which all others lean on."""


@dataclass
class Standing:
    """What is known of one peer."""

    client: PeerClient
    banned: bool = False
    arrived: int = -1
    grew: float = 0.0
    failures: int = 0
    rests_until: float = 0.0

    def lives(self, arrived: int, now: float) -> None:
        """It answered that it has so much."""
        self.failures = 0
        if arrived > self.arrived:
            self.arrived, self.grew = arrived, now

    def failed(self, now: float) -> None:
        """It did not answer, or not as it should."""
        self.rests_until = now + min(LONGEST_REST, 0.25 * 2**self.failures)
        self.failures = min(self.failures + 1, 10)


@dataclass
class Choice:
    """All peers of a hop, and when they were last of use; pure but for what it is told."""

    began: float
    peers: tuple[Standing, ...]
    heard: float = field(init=False)
    delivered: float = field(init=False)
    origin_until: float = 0.0

    def __post_init__(self) -> None:
        self.heard = self.delivered = self.began
        for peer in self.peers:
            peer.grew = self.began

    def given_up(self, now: float) -> bool:
        """Whether the origin is read now."""
        if now < self.origin_until or all(peer.banned for peer in self.peers):
            return True
        if now - self.heard < SILENT_SECONDS and now - self.delivered < BARREN_SECONDS:
            return False
        self.origin_until = now + ORIGIN_SECONDS
        # Afterwards the peers have the same patience again.
        self.heard = self.delivered = self.origin_until
        return True

    def next(self, now: float) -> Standing | None:
        """Whom to ask; None while all rest."""
        usable = [peer for peer in self.peers if not peer.banned]
        awake = [peer for peer in usable if peer.rests_until <= now]
        near = [peer for peer in awake if peer in usable[:NEAR]] or awake
        moving = [peer for peer in near if now - peer.grew < STUCK_SECONDS]
        return next(iter(moving or near), None)

    def told(self, peer: Standing, arrived: int, now: float) -> None:
        """A peer lives and asks for patience."""
        self.heard = now
        peer.lives(arrived, now)

    def brought(self, peer: Standing, now: float) -> None:
        """A peer delivered what proved right."""
        self.heard = self.delivered = peer.grew = now
        peer.failures = 0
