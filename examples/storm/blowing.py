"""The storm itself: images registered, a fleet set, every image wanted by every host at once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from stowage_client import Client
from stowage_client.board import Board, changes
from stowage_client.watching import FINAL, settled
from stowage_contracts.caching import GIBI
from stowage_contracts.errors import Unavailable
from stowage_contracts.values import ImageFormat
from stowage_contracts.views import CopyView

from examples.storm.scenery import Scene

FLEET = "storm"
LONGEST = 600.0
READY_LOOKS, LOOK_SECONDS = 300, 0.2
IMPATIENT = {
    "strategy": "backlog",
    "maximum": 4,
    "min_life_seconds": 5,
    "cool_down_seconds": 3,
    "deadline_seconds": 5,
    "vm": {"disk_bytes": GIBI},
}
"""For a screen that is looked at for a minute; a real fleet lives by its defaults."""


class Storm:
    """One storm."""

    def __init__(self, client: Client, scene: Scene) -> None:
        self._client, self._scene = client, scene
        self.copies: list[str] = []

    async def register(self, url: str, number: int) -> str:
        """A template on the image store, ready; its id."""
        zone = {"zone_id": "zone-1", "url": url}
        made = await self._client.templates.add(f"image {number}", ImageFormat.RAW, **zone)
        view = await settled(self._client.templates, made.id)
        if view.error is not None:
            raise view.error.error()
        return view.id

    async def set_fleet(self, zone: str) -> None:
        """A fleet that may have VMs and has none."""
        await self._client.fleets.set(FLEET, "zone", zone, **IMPATIENT)
        await _until(self._ready, "the hosts' pools and the fleet")

    async def _ready(self) -> bool:
        stores = {store.id async for store in self._client.stores.list()}
        fleet = await self._client.fleets.show(FLEET)
        return stores >= set(self._scene.pools) and fleet.desired is not None

    async def blow(self, templates: Sequence[str]) -> None:
        """Everybody wants everything."""
        for template in templates:
            for pool in self._scene.pools:
                copy = await self._client.copies.start(template, pool)
                self.copies.append(copy.id)

    async def over(self) -> None:
        """Until every copy has ended and every VM is gone; raises Unavailable after a while."""
        try:
            async with asyncio.timeout(LONGEST):
                for copy_id in self.copies:
                    await self._ended(copy_id)
                await self._calm()
        except TimeoutError:
            raise Unavailable("the storm did not end", resource=f"cache_fleet/{FLEET}") from None

    async def _ended(self, copy_id: str) -> CopyView:
        while (view := await self._client.copies.show(copy_id, wait=30)).state not in FINAL:
            pass
        if view.error is not None:
            raise view.error.error()
        return view

    async def _calm(self) -> None:
        board = Board(FLEET)
        async for _ in changes(self._client, board):
            if board.empty:
                return


async def _until(done: Callable[[], Awaitable[bool]], what: str) -> None:
    for _ in range(READY_LOOKS):
        if await done():
            return
        await asyncio.sleep(LOOK_SECONDS)
    raise Unavailable(f"{what} did not come up", code="slow")
