"""How full stores are, and which objects even that out."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from stowage_contracts.values import Id


@dataclass(frozen=True)
class Fill:
    """A store and how full it is, in bytes."""

    store_id: Id
    used: int
    total: int | None

    def after(self, size: int) -> "Fill":
        """With ``size`` bytes more; negative: less."""
        return replace(self, used=self.used + size)


def even_out(
    source: Fill, others: Sequence[Fill], sizes: Iterable[tuple[str, int]]
) -> list[tuple[str, Id]]:
    """What goes from ``source`` where, largest first; none of it makes another store the fuller
    one. Shares of stores are compared, or bytes where one of them has no end."""
    ended = all(fill.total for fill in (source, *others))
    left = {fill.store_id: fill for fill in others}
    moves: list[tuple[str, Id]] = []
    for key, size in sorted(sizes, key=lambda one: (-one[1], one[0])):
        best = min(left.values(), key=lambda fill: (_share(fill, ended), fill.store_id))
        if size and _share(best.after(size), ended) <= _share(source.after(-size), ended):
            moves.append((key, best.store_id))
            source, left[best.store_id] = source.after(-size), best.after(size)
    return moves


def _share(fill: Fill, ended: bool) -> float:
    return fill.used / fill.total if ended and fill.total else float(fill.used)
