"""Which orders for a hop an agent still heeds: none older than the newest it has heard. Pure."""

from collections import OrderedDict
from datetime import datetime
from enum import StrEnum

REMEMBERED = 4096


class Order(StrEnum):
    """What an order is next to those heard before it."""

    OLD = "old"
    AGAIN = "again"
    NEW = "new"


class Epochs:
    """The newest epoch heard of each hop; the hops heard of longest ago are forgotten."""

    def __init__(self, most: int = REMEMBERED) -> None:
        self._most = most
        self._newest: OrderedDict[str, int] = OrderedDict()

    def newest(self, hop_id: str) -> int:
        """-1 before anything was heard."""
        return self._newest.get(hop_id, -1)

    def weigh(self, hop_id: str, epoch: int) -> Order:
        """Whether an order is to be ignored, answered again or begun."""
        newest = self.newest(hop_id)
        if epoch < newest:
            return Order.OLD
        return Order.AGAIN if epoch == newest else Order.NEW

    def raise_to(self, hop_id: str, epoch: int) -> None:
        """Older epochs are not heeded from now on."""
        self._newest[hop_id] = max(epoch, self.newest(hop_id))
        self._newest.move_to_end(hop_id)
        while len(self._newest) > self._most:
            self._newest.popitem(last=False)


class Begun:
    """When orders for hops were said: a list of live hops knows nothing of those ordered after it,
    however late it is heard."""

    def __init__(self, most: int = REMEMBERED) -> None:
        self._most = most
        self._said: OrderedDict[str, datetime] = OrderedDict()

    def note(self, hop_id: str, said: datetime) -> None:
        """A hop was ordered then; those heard of longest ago are forgotten."""
        self._said[hop_id] = said
        self._said.move_to_end(hop_id)
        while len(self._said) > self._most:
            self._said.popitem(last=False)

    def since(self, said: datetime) -> frozenset[str]:
        """Hops ordered then or later."""
        return frozenset(hop_id for hop_id, at in self._said.items() if at >= said)


class Removed:
    """Removals carried out: said again they are confirmed again, but delete nothing that has the
    name since, as a volume that moved away and came back."""

    def __init__(self, most: int = REMEMBERED) -> None:
        self._most = most
        self._done: OrderedDict[str, None] = OrderedDict()

    def __contains__(self, removal_id: str) -> bool:
        return removal_id in self._done

    def add(self, removal_id: str) -> None:
        """The oldest are forgotten; their orders have expired."""
        self._done[removal_id] = None
        while len(self._done) > self._most:
            self._done.popitem(last=False)
