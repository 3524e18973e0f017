"""Sources that lie: bodies shorter than told, another image in mid-copy, flipped bytes, stalls."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from aiohttp import web

from tests.e2e.sources import Source, image

CHUNK = 64 * 1024
LIES = 2
"""Answers a passing fault spoils before it passes."""


@dataclass
class Liar(Source):
    """As ``lie`` says; ``fits`` are the whole contents that may come of it."""

    lie: str = "honest"
    told_lies: int = 0
    pause: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        self.declared: str | None = self.sha256
        self.fits: tuple[bytes, ...] = (self.content,)
        if self.lie == "flipped":
            self.fits = ()
            self.content = _flipped(self.content)
        if self.lie == "changed":
            self.declared = None
            self.other = image(len(self.content), seed=len(self.content) + 7)
            self.fits = (self.content, self.other)

    @property
    def etag(self) -> str:
        """Tells which content it is."""
        return '"two"' if self.lie == "changed" and self.content is self.other else '"one"'

    async def _send(self, response: web.StreamResponse, start: int, stop: int) -> None:
        if self.lie == "short" and self.told_lies < LIES and stop - start > CHUNK:
            self.told_lies += 1
            await super()._send(response, start, start + (stop - start) // 2)
            raise asyncio.CancelledError("the body is shorter than told: the connection closes")
        if self.lie == "stalling" and self.told_lies < LIES and stop - start > CHUNK:
            self.told_lies += 1
            await super()._send(response, start, start + CHUNK)
            await asyncio.sleep(self.pause)
            start += CHUNK
        if self.lie == "changed" and self.sent > len(self.content) // 3:
            self.content = self.other
        await super()._send(response, start, stop)


def _flipped(content: bytes) -> bytes:
    at = len(content) // 2
    return content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]
