"""How long a list is: exact while it is short, lately counted when it is long."""

import asyncio
import json
from collections import OrderedDict
from dataclasses import dataclass
from math import inf
from typing import Any

from stowage_runtime.handling.tx import Tx

EXACT = 10_000
"""Rows up to which every answer counts them anew."""
SECONDS = 15.0
"""How old the count of a longer list may be; from half of that on somebody counts again."""
REMEMBERED = 1000


@dataclass
class _Counted:
    count: int
    at: float
    again: asyncio.Lock

    def age(self) -> float:
        return asyncio.get_running_loop().time() - self.at


class Counts:
    """Counts of long lists, by what was asked."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, _Counted] = OrderedDict()

    async def count(self, query: str, args: tuple[Any, ...], tx: Tx) -> int:
        """Rows of a query whose last parameter, after ``args``, is how many to count at most."""
        key = json.dumps([query, args], default=str)
        known, asked = self._known.get(key), (query, *args)
        if known is None:
            return await self._bounded(key, asked, tx)
        age = known.age()
        if age <= SECONDS / 2 or (age <= SECONDS and known.again.locked()):
            return known.count
        return await self._whole(key, known, asked, tx)

    async def _bounded(self, key: str, asked: tuple[Any, ...], tx: Tx) -> int:
        found = int(await tx.value(*asked, EXACT + 1))
        if found <= EXACT:
            return found
        known = self._known.setdefault(key, _Counted(found, -inf, asyncio.Lock()))
        while len(self._known) > REMEMBERED:
            self._known.popitem(last=False)
        return await self._whole(key, known, asked, tx)

    async def _whole(self, key: str, known: _Counted, asked: tuple[Any, ...], tx: Tx) -> int:
        """Counted once for all who ask meanwhile."""
        before = known.at
        async with known.again:
            if known.at == before:
                known.count = int(await tx.value(*asked, None))
                known.at = asyncio.get_running_loop().time()
        if known.count <= EXACT:
            self._known.pop(key, None)
        return known.count
