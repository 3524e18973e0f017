"""KeyLocks: one at a time for the same key; keys nobody holds cost nothing."""

from asyncio import Lock
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from weakref import WeakValueDictionary


class KeyLocks:
    """A lock per key for as long as somebody wants it."""

    def __init__(self) -> None:
        self._locks: WeakValueDictionary[str, Lock] = WeakValueDictionary()

    @asynccontextmanager
    async def hold(self, key: str) -> AsyncIterator[None]:
        """Wait for the key, keep it inside."""
        lock = self._locks.setdefault(key, Lock())
        async with lock:
            yield
