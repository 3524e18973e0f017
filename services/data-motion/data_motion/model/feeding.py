"""Who feeds whom: hops of the same bytes read from each other, so that the origin is read once.

The hops form a chain, for each link then carries the bytes once in and once out, and the last host
is done little later than the first. A chain that is long for its image branches instead.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from stowage_contracts.values import EndKind, HopMethod, Location, StoreRole

from data_motion.model.states import LEASED, HopState
from data_motion.records import CopyRecord, Feeder, HopRecord

LEAST_BYTES = 64 << 20
"""Smaller objects are read from their store: they are there before a peer could be asked."""
PART = 8 << 20
"""What each hop of a chain is behind the one before it."""
SHORTEST_LIMIT = 4


@dataclass(frozen=True)
class Candidate:
    """A hop that has the bytes or is getting them, at an agent with a door."""

    hop_id: str
    host_id: str
    state: HopState
    location: Location
    door: str
    fed_by: tuple[Feeder, ...] = ()

    @property
    def parent(self) -> str | None:
        """The hop it reads from, first of all."""
        return self.fed_by[0].hop_id if self.fed_by else None


@dataclass(frozen=True)
class Feeding:
    """The candidates of one source, in the order in which they began."""

    by_id: Mapping[str, Candidate]
    children: Mapping[str, int] = field(default_factory=dict)
    _depths: dict[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, known: tuple[Candidate, ...], hop_id: str) -> "Feeding":
        """Who may feed a hop: not itself, nor who reads from it, however far away."""
        below = _below(known, hop_id)
        live = [one for one in known if one.hop_id not in below]
        counts: dict[str, int] = {}
        for one in live:
            if one.parent and one.state in LEASED:
                counts[one.parent] = counts.get(one.parent, 0) + 1
        return cls({one.hop_id: one for one in live if one.door}, counts)

    def depth(self, one: Candidate) -> int:
        """How many hops lie between it and the origin."""
        way: list[str] = []
        at: Candidate | None = one
        while at is not None and at.hop_id not in self._depths and len(way) <= len(self.by_id):
            way.append(at.hop_id)
            at = self.by_id.get(at.parent or "")
        depth = self._depths[at.hop_id] if at is not None and at.hop_id in self._depths else -1
        for steps, hop_id in enumerate(reversed(way), depth + 1):
            self._depths[hop_id] = steps
        return self._depths[one.hop_id]

    def leader(self, one: Candidate) -> Candidate:
        """Where its chain begins."""
        at = one
        for _ in self.by_id:
            at = self.by_id.get(at.parent or "", at)
        return at

    def hint(self, hop: HopRecord) -> HopRecord:
        """The hop as it is placed: one that is fed takes no slot of its origin's store."""
        return hop.having(fed_by=self.choose(Location(), LEAST_BYTES, 1))

    def feed(self, hop: HopRecord, at: Location, size: int, most: int) -> HopRecord:
        """The hop as it is offered to a host at that place, at most so many fed by each."""
        return hop.having(fed_by=self.choose(at, size, most))

    def choose(self, at: Location, size: int, most_children: int) -> tuple[Feeder, ...]:
        """Nearest with room, its own feeder, and the leader; nobody when there is no candidate."""
        longest = max(SHORTEST_LIMIT, size // PART // 2)

        def rank(one: Candidate) -> tuple[int, ...]:
            children, depth = self.children.get(one.hop_id, 0), self.depth(one)
            zone = at.zone_id != one.location.zone_id
            full = children >= most_children
            return (full, depth >= longest, zone, children, _distance(at, one.location), depth)

        if not self.by_id:
            return ()
        first = min(self.by_id.values(), key=rank)
        second = self.by_id.get(first.parent or "", first)
        chosen = dict.fromkeys((first, second, self.leader(first)))
        return tuple(Feeder(hop_id=c.hop_id, host_id=c.host_id, door=c.door) for c in chosen)


def may_be_fed(copy: CopyRecord, hop: HopRecord) -> bool:
    """Whether a hop carries bytes that other agents can prove to have."""
    request, source = copy.request, hop.source
    return (
        request.leaves
        and request.digest is not None
        and (request.size or 0) >= LEAST_BYTES
        and hop.method is HopMethod.COPY
        and not hop.converts
        and source.kind is EndKind.STORE
        and source.role in {StoreRole.IMAGE, StoreRole.IMAGE_CACHE}
    )


def _below(known: tuple[Candidate, ...], hop_id: str) -> set[str]:
    """The hop and all that read from it by any of their feeders."""
    below, grown = {hop_id}, True
    while grown:
        more = {one.hop_id for one in known if any(feeder.hop_id in below for feeder in one.fed_by)}
        grown = not more <= below
        below |= more
    return below


def _distance(one: Location, other: Location) -> int:
    """0 in the same cluster, 1 in the same pod, 2 elsewhere."""
    if one.cluster_id is not None and one.cluster_id == other.cluster_id:
        return 0
    return 1 if one.pod_id is not None and one.pod_id == other.pod_id else 2
