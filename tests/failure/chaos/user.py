"""What users do meanwhile, and what they may expect of it; they insist while services are away."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from tests.e2e.operator import ZONE, Refused
from tests.e2e.sources import image, serving
from tests.failure.chaos.faults import Log
from tests.failure.chaos.plan import MIB, STEERING, Deed
from tests.failure.chaos.sources import Liar
from tests.failure.chaos.world import BASE, XEN_POOL, World

INSIST_SECONDS = 90.0
CALL_SECONDS = 5.0
PATIENCE = 60.0
STALL_SECONDS = 10.0
"""Longer than an agent waits for a byte."""
HELD_SECONDS = 3.0
"""How long a copy is paused or slow, and a host drained."""


@dataclass
class Wish:
    """One object somebody asked for."""

    deed: Deed
    fits: tuple[bytes, ...]
    """Whole contents it may have; empty when it must never become ready."""
    copies: list[str] = field(default_factory=list)
    """Ids of copies that were asked for by name."""
    volumes: dict[str, str] = field(default_factory=dict)
    """Volumes on primary pools: id → pool."""
    source: Liar | None = None
    undone: str = ""
    made: asyncio.Event = field(default_factory=asyncio.Event)
    """The gateway has taken it: before, there is nothing to steer."""

    @property
    def template(self) -> str:
        """Its id; empty for a volume made of the common template."""
        return "" if self.deed.what == "volume" else self.deed.name


@dataclass
class User:
    """Does the deeds of one run."""

    world: World
    log: Log
    sources: AsyncExitStack
    wishes: dict[str, Wish] = field(default_factory=dict)

    async def do(self, deed: Deed) -> None:
        """At its time."""
        await asyncio.sleep(deed.at)
        self.log(f"{deed.what} {deed.name} {deed.to}")
        if deed.what in STEERING:
            await self._steer(deed)
        elif deed.what == "drain":
            await self._drain(deed.to.partition(":")[2])
        elif deed.what == "volume":
            wish = self.wishes[deed.name] = Wish(deed, (self.world.base,))
            await self._volume(wish, BASE, deed.to)
        elif deed.what == "move":
            await self._move(deed)
        else:
            await self._template(deed)

    async def _template(self, deed: Deed) -> None:
        wish = await self._register(deed, deed.to or "s1")
        if deed.what == "stage" and await self._ready(deed.name):
            await self._volume(wish, deed.name, XEN_POOL)
        if deed.what == "twins" and await self._ready(deed.name):
            await self.insist("PATCH", f"templates/{deed.name}", {"min_copies": 2})

    async def _move(self, deed: Deed) -> None:
        """Its store is emptied and removed under it."""
        store = f"e{deed.name}"
        root = self.world.folder / store
        root.mkdir(exist_ok=True)
        body = {
            "id": store,
            "name": store,
            "provider": "directory",
            "scope": "zone",
            "scope_id": ZONE,
            "settings": {"root": str(root)},
        }
        await self.insist("POST", "stores", body)
        await self.until(f"stores/{store}", lambda found: found.get("state") == "Up")
        await self._register(deed, store)
        if await self._ready(deed.name):
            await self.insist("POST", f"stores/{store}/evacuate", {"remove": True})

    async def _register(self, deed: Deed, store: str) -> Wish:
        content = image(deed.size, seed=zlib.crc32(deed.name.encode()))
        liar = Liar(content, deed.rate, lie=deed.source, pause=STALL_SECONDS)
        await self.sources.enter_async_context(serving(liar))
        wish = self.wishes[deed.name] = Wish(deed, liar.fits, source=liar)
        body = {
            "id": deed.name,
            "name": deed.name,
            "url": liar.url.replace("http://", "http://canary-user:canary-word@"),
            "format": "raw",
            "zone_id": ZONE,
            "store_ids": [store],
            "checksum": liar.declared,
        }
        await self.insist("POST", "templates", body)
        wish.made.set()
        return wish

    async def _volume(self, wish: Wish, template: str, pool: str) -> None:
        volume, copy = f"{wish.deed.name}v", f"{wish.deed.name}c"
        wish.copies.append(copy)
        wish.volumes[volume] = pool
        body = {"id": copy, "template_id": template, "store_id": pool, "volume_id": volume}
        await self.insist("POST", "copies", body)
        wish.made.set()

    async def _steer(self, deed: Deed) -> None:
        wish = self.wishes.get(deed.to)
        if wish is None:
            return
        await wish.made.wait()
        if deed.what == "delete":
            wish.undone = "delete"
            noun = f"templates/{wish.template}" if wish.template else f"volumes/{deed.to}v"
            await self.insist("DELETE", noun)
            return
        for copy in await self._copies(wish):
            if deed.what == "cancel":
                wish.undone = wish.undone or "cancel"
            await self._steer_copy(deed.what, f"copies/{copy}")

    async def _steer_copy(self, what: str, copy: str) -> None:
        if what in ("cancel", "reroute"):
            await self.insist("POST", f"{copy}/{what}", {} if what == "reroute" else None)
        elif what == "prefer":
            await self.insist("PATCH", copy, {"priority": 10})
        elif what == "pause":
            await self.insist("POST", f"{copy}/pause", {"reason": "a test says so"})
            await asyncio.sleep(HELD_SECONDS)
            await self.insist("POST", f"{copy}/resume")
        else:
            await self.insist("PATCH", copy, {"bytes_per_second": MIB})
            await asyncio.sleep(HELD_SECONDS)
            await self.insist("PATCH", copy, {"bytes_per_second": 0})

    async def _drain(self, host: str) -> None:
        await self.insist("POST", f"hosts/{host}/drain", {"reason": "a test says so"})
        await asyncio.sleep(HELD_SECONDS)
        await self.insist("DELETE", f"hosts/{host}/drain")

    async def _copies(self, wish: Wish) -> list[str]:
        if not wish.template:
            return wish.copies
        found = await self.insist("GET", f"templates/{wish.template}")
        named = [one["copy_id"] for one in (found or {}).get("replicas", ())]
        return [copy for copy in named if copy]

    async def _ready(self, template: str) -> bool:
        """Whether it became so in time; a fault may have cost it."""
        path = f"templates/{template}"
        found = await self.until(path, lambda found: found["ready"] or found["error"])
        return bool(found.get("ready"))

    async def until(self, path: str, is_so: Callable[[dict[str, Any]], Any]) -> dict[str, Any]:
        """The resource once it is so; empty when it was not in time."""
        try:
            async with asyncio.timeout(PATIENCE):
                while True:
                    found: dict[str, Any] | None = await self.insist("GET", path)
                    if found and is_so(found):
                        return found
                    await asyncio.sleep(0.2)
        except TimeoutError:
            return {}

    async def insist(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """The answer; None when it was done already, or there is nothing (409, 404)."""
        async with asyncio.timeout(INSIST_SECONDS):
            while True:
                try:
                    async with asyncio.timeout(CALL_SECONDS):
                        return await self.world.operator.call(method, path, body)
                except Refused as refused:
                    if refused.status in (404, 409):
                        return None
                    if refused.status < 500:
                        raise
                except (aiohttp.ClientError, OSError, TimeoutError):
                    pass  # the gateway is away: it is asked again
                await asyncio.sleep(0.2)
