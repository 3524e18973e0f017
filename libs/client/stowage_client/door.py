"""Upload through an agent's door: ranged PUTs of one URL, which tells what has arrived."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass

import aiohttp
from stowage_contracts.errors import GrantRefused
from stowage_contracts.values import Bytes, Range

from stowage_client.sending import Sender, faults_of, judge, persistently

_RUN = re.compile(r"(\d+)-(\d+)")


@dataclass
class Door:
    """One upload through a door; ``address`` gives a fresh URL, for they expire.

    One PUT brings all that is missing; what it brought before it broke counts.
    """

    sender: Sender
    address: Callable[[], Awaitable[str]]
    url: str = ""

    async def send(self) -> None:
        """Send what has not arrived; raises StowageError."""
        while await persistently(self._step, self.sender.patience.seconds):
            pass

    async def _step(self) -> bool:
        """What is missing, after looking what is there; False when nothing is."""
        self.url = self.url or await self.address()
        try:
            arrived = await self._arrived(self.url)
            self.sender.meter.at(sum(run.length for run in arrived))
            piece = first_gap(arrived, self.sender.meter.total)
            if piece is not None:
                await self._put(self.url, piece)
        except GrantRefused:
            self.url = ""
            raise
        return piece is not None

    async def _arrived(self, url: str) -> list[Range]:
        seconds = self.sender.patience.stall_seconds
        async with faults_of(), asyncio.timeout(seconds), self.sender.http.head(url) as reply:
            judge(reply)
            return received(reply)

    async def _put(self, url: str, piece: Range) -> None:
        span = f"bytes {piece.offset}-{piece.end - 1}/{self.sender.meter.total}"
        await self.sender.put(url, piece, {"Content-Range": span})


def received(reply: aiohttp.ClientResponse) -> list[Range]:
    """The ranges a door says it has, by its Range header (``bytes=0-99,200-299``)."""
    runs = [(int(a), int(b)) for a, b in _RUN.findall(reply.headers.get("Range", ""))]
    return [Range(offset=a, length=b - a + 1) for a, b in sorted(runs)]


def first_gap(arrived: Iterable[Range], size: Bytes) -> Range | None:
    """The first run of ``size`` bytes that is missing; ``arrived`` is in order."""
    at = 0
    for run in arrived:
        if run.offset > at:
            return Range(offset=at, length=run.offset - at)
        at = max(at, run.end)
    return Range(offset=at, length=size - at) if at < size else None
