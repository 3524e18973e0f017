"""Asks one peer for ranges of what it has."""

import re

import aiohttp
from stowage_contracts.errors import Stalled
from stowage_contracts.messages.hypervisor_agent import Peer
from yarl import URL

from hypervisor_agent.engine.stall import stall_limit

ARRIVED = "Stowage-Arrived"
"""Header of a 425: bytes the peer has so far."""
STALL_SECONDS = 10.0
"""Longer than a peer waits for a range to arrive."""
_SPAN = re.compile(r"^bytes ([0-9]{1,18})-([0-9]{1,18})/([0-9]{1,18})$")
_FIGURE = re.compile(r"^[0-9]{1,18}$")
_NEVER = frozenset({400, 401, 403, 416})


class NotYet(Exception):
    """The peer lives and has not got the range."""

    def __init__(self, arrived: int) -> None:
        super().__init__(arrived)
        self.arrived = arrived


class Lost(Exception):
    """The peer does not answer as a feeder; ``final`` when it never will."""

    def __init__(self, reason: str, *, final: bool = False) -> None:
        super().__init__(reason)
        self.reason, self.final = reason, final


class PeerClient:
    """One peer of one hop; counts what came, right or wrong."""

    def __init__(self, peer: Peer, session: aiohttp.ClientSession) -> None:
        self.peer, self._session = peer, session
        self._url = URL(f"{peer.url.rstrip('/')}/p/{peer.hop_id}")
        self.received = 0

    async def close(self) -> None:
        """Close its connections; idempotent."""
        await self._session.close()

    async def fetch(self, offset: int, view: memoryview) -> None:
        """Fill ``view`` from ``offset``. Raises NotYet, Lost."""
        try:
            async with stall_limit(STALL_SECONDS, self.peer.host_id) as moved:
                answer = await self._ask(offset, len(view))
                async with answer:
                    self._check(answer, offset, len(view))
                    at = 0
                    async for chunk in answer.content.iter_any():
                        if at + len(chunk) > len(view):
                            raise Lost("length", final=True)
                        view[at : at + len(chunk)] = chunk
                        at += len(chunk)
                        self.received += len(chunk)
                        moved()
        except (aiohttp.ClientError, OSError, TimeoutError, Stalled) as error:
            raise Lost(type(error).__name__) from None
        if at < len(view):
            raise Lost("dropped")

    async def _ask(self, offset: int, length: int) -> aiohttp.ClientResponse:
        headers = {
            "Authorization": f"Bearer {self.peer.ticket.get_secret_value()}",
            "Accept-Encoding": "identity",
            "Range": f"bytes={offset}-{offset + length - 1}",
        }
        return await self._session.get(self._url, headers=headers, allow_redirects=False)

    @staticmethod
    def _check(answer: aiohttp.ClientResponse, offset: int, length: int) -> None:
        if answer.status == 425:
            told = _FIGURE.match(answer.headers.get(ARRIVED, ""))
            raise NotYet(int(told[0]) if told else 0)
        if answer.status != 206:
            raise Lost(str(answer.status), final=answer.status in _NEVER)
        match = _SPAN.match(answer.headers.get("Content-Range", ""))
        if match is None or (int(match[1]), int(match[2])) != (offset, offset + length - 1):
            raise Lost("range", final=True)
