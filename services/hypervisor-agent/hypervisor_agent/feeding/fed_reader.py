"""A source that is read from peers; from its origin only while none of them delivers."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog
from stowage_contracts.errors import ImageRefused
from stowage_contracts.plugins import RangedReader

from hypervisor_agent import metrics
from hypervisor_agent.engine.progress import Meter
from hypervisor_agent.engine.threads import Threads
from hypervisor_agent.feeding.choice import Choice, Standing
from hypervisor_agent.feeding.client import Lost, NotYet
from hypervisor_agent.feeding.leaf_list import LeafList

AT_ONCE = 2
"""Ranges asked of peers at a time: more would come late all together, and so delay whoever reads
from here; fewer would leave the wire idle between them."""
TURN_SECONDS = 0.1
AWAITING = "awaiting"
"""Phase of a hop whose feeders live and have nothing for it yet."""
OpenOrigin = Callable[[], Awaitable[RangedReader]]
log = structlog.get_logger(__name__)


class FedReader:
    """Every leaf is checked before anybody sees it, wherever it came from; zeros never travel."""

    ranged = True

    def __init__(
        self, leaves: LeafList, choice: Choice, open_origin: OpenOrigin, threads: Threads
    ) -> None:
        self._leaves, self._choice, self._threads = leaves, choice, threads
        self._open_origin = open_origin
        self._origin: RangedReader | None = None
        self._opening = asyncio.Lock()
        self._at_once = asyncio.Semaphore(AT_ONCE)
        self.size, self.validator = leaves.size, leaves.digest
        self.meter = Meter()
        """The hop's; tells when it waits."""
        self.fed = 0
        """Bytes that came from peers and were right."""

    @property
    def received(self) -> int:
        """Bytes of peers, wrong ones included, and of the origin."""
        peers = sum(peer.client.received for peer in self._choice.peers)
        return peers + (self._origin.received if self._origin else 0)

    async def next_data(self, offset: int) -> int:
        """As the leaves show."""
        return self._leaves.next_data(offset)

    async def read_into(self, offset: int, buffer: memoryview) -> None:
        """Raises what the origin raises; ImageRefused when its bytes are not the source's."""
        if not self._leaves.whole(offset, len(buffer)):
            await (await self._open()).read_into(offset, buffer)
            return
        for start, end, zeros in self._leaves.runs(offset, len(buffer)):
            view = buffer[start - offset : end - offset]
            if zeros:
                view[:] = bytes(len(view))
            elif not await self._from_peers(start, view):
                await self._from_origin(start, view)

    async def close(self) -> None:
        """Close the origin, if it was opened, and the connections to peers."""
        if self._origin:
            await self._origin.close()
        for peer in self._choice.peers:
            await peer.client.close()

    async def _from_peers(self, offset: int, view: memoryview) -> bool:
        """False when the origin is to be read."""
        async with self._at_once:
            while not self._choice.given_up(_now()):
                peer = self._choice.next(_now())
                if peer is None:
                    await asyncio.sleep(TURN_SECONDS)
                elif await self._fetch(peer, offset, view):
                    return True
        return False

    async def _fetch(self, peer: Standing, offset: int, view: memoryview) -> bool:
        try:
            await peer.client.fetch(offset, view)
        except NotYet as waits:
            self._choice.told(peer, waits.arrived, _now())
            self.meter.phase = AWAITING
            await asyncio.sleep(TURN_SECONDS)  # it has waited already, if it is what it says
            return False
        except Lost as lost:
            self._lose(peer, lost.reason, final=lost.final)
            return False
        if not await self._threads.run(self._leaves.proves, offset, view):
            self._lose(peer, "wrong", final=True)
            return False
        self._choice.brought(peer, _now())
        self.fed += len(view)
        self.meter.phase = "copying"
        return True

    def _lose(self, peer: Standing, reason: str, *, final: bool) -> None:
        if peer.banned:  # another range told so already
            return
        peer.failed(_now())
        peer.banned = final
        told = log.warning if final else log.info
        told("peer.lost", peer=peer.client.peer.host_id, reason=reason, final=final)
        metrics.peer_lost(reason)

    async def _from_origin(self, offset: int, view: memoryview) -> None:
        origin = await self._open()
        self.meter.phase = "copying"
        await origin.read_into(offset, view)
        if not await self._threads.run(self._leaves.proves, offset, view):
            raise ImageRefused(
                f"its bytes at {offset} are not those that were stored",
                code="digest",
                hint="verify the replica it was read from",
            )

    async def _open(self) -> RangedReader:
        async with self._opening:
            if self._origin is None:
                log.info("peer.origin_opened", size=self.size, fed=self.fed)
                self._origin = await self._open_origin()
            return self._origin


def _now() -> float:
    return asyncio.get_running_loop().time()
