"""What a transaction puts off: writes until the next statement, work until the commit."""

from collections.abc import Awaitable, Callable, Hashable

Work = Callable[[], Awaitable[None]]


class Deferred:
    """Each under a key, done once however often it is asked for; work may put off more."""

    def __init__(self) -> None:
        self._behind: dict[Hashable, Work] = {}
        self._last: dict[Hashable, Work] = {}

    def behind(self, key: Hashable, write: Work) -> None:
        """Run ``write`` before the next statement."""
        self._behind.setdefault(key, write)

    def at_last(self, key: Hashable, work: Work) -> None:
        """Run ``work`` before the commit."""
        self._last.setdefault(key, work)

    async def write(self) -> None:
        """Run the writes that were put off; a statement is about to look."""
        while self._behind:
            await self._behind.pop(next(iter(self._behind)))()

    async def finish(self) -> None:
        """Run everything; a commit follows."""
        while self._last or self._behind:
            await self.write()
            if self._last:
                await self._last.pop(next(iter(self._last)))()
