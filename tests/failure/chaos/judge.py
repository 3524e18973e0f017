"""What must be true after every run, looked at from outside."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.e2e.deployment import API_KEY
from tests.failure.chaos.facts import Facts
from tests.failure.chaos.faults import Log
from tests.failure.chaos.plan import MIB
from tests.failure.chaos.shovel import GONE
from tests.failure.chaos.user import User, Wish
from tests.failure.chaos.world import BASE, World

QUIET_SECONDS = 120.0
SCAN_AFTER_SECONDS = 3.0
IN_FLIGHT = 8 * MIB + 2 * 8 * MIB
"""An agent's buffers, and a part on each of its connections."""
HONEST_ENDS = ("unavailable", "stalled", "out_of_space", "source")
"""What may become of an honest wish while everything breaks; never what its bytes are like."""


@dataclass
class Judge:
    """Waits until a world is at rest, then looks at it."""

    world: World
    user: User
    log: Log
    patience: float = QUIET_SECONDS
    broken: list[str] = field(default_factory=list)
    outcomes: dict[str, int] = field(default_factory=dict)

    @property
    def facts(self) -> Facts:
        return Facts(self.world)

    async def look(self) -> None:
        """Note every invariant that does not hold."""
        await self._rests()
        for wish in self.user.wishes.values():
            await self._wish(wish)
        await self._base()
        await self._views()
        dead = await self.facts.dead()
        self._check(not dead, f"dead letters: {dead}")
        self.broken += list(_told(self.facts.logs(), self.world))

    async def _rests(self) -> None:
        """Nothing is on its way and nothing strange lies about, within a bounded time."""
        began, scanned = time.monotonic(), 0.0
        last: dict[str, object] = {}
        while time.monotonic() - began < self.patience:
            try:
                last = await self._restless()
            except GONE as error:
                last = {"could not look": repr(error)}
            if not last:
                self.log(f"at rest after {time.monotonic() - began:.1f} s")
                return
            if time.monotonic() - max(began, scanned) > SCAN_AFTER_SECONDS:
                scanned = time.monotonic() + SCAN_AFTER_SECONDS
                await self._sweep(last)
            await asyncio.sleep(0.3)
        self.broken += [f"never at rest: {what}: {rows}" for what, rows in last.items()]

    async def _restless(self) -> dict[str, object]:
        """All of it at once: a message that is just on its way hides nothing that stays."""
        moving = {**await self.facts.unsettled(), **await self.facts.queued()}
        return {**moving, **await self.facts.strange()}

    async def _sweep(self, last: dict[str, object]) -> None:
        """Hours pass, and what is done every few hours is done."""
        pools = self.facts.age()
        if "rgw" in last:
            await self.user.insist("POST", "stores/rgw/scan")
        if pools and any(place.startswith("pool") for place in last):
            self.log("agents start anew: they delete what crashed ones left")
            for agent in self.world.kit.agents:
                await self.world.deployment.again(agent)

    async def _base(self) -> None:
        """What everything is made of is as it was."""
        refs = await self._refs(BASE)
        self._check(len(refs) == 2, f"{BASE} was on two stores, and is on {refs}")
        for ref in refs:
            there = await self.facts.content(ref["store_id"], ref["install_path"])
            self._check(there == self.world.base, f"{BASE} has other bytes: {ref}")

    async def _wish(self, wish: Wish) -> None:
        if wish.template:
            await self._template(wish)
        for volume, pool in wish.volumes.items():
            await self._volume(wish, volume, pool)

    async def _template(self, wish: Wish) -> None:
        name = wish.template
        (row,) = await self.facts.rows(
            f"SELECT error, removed FROM image_store.stored_object WHERE id = '{name}'"
        ) or [{"error": None, "removed": True}]
        refs = await self._refs(name)
        ready = [ref for ref in refs if ref["state"] == "Ready"]
        for ref in ready:
            await self._bytes(wish, ref)
        if wish.undone == "delete" or row["removed"]:
            self._check(not refs, f"{name} was deleted, and has {refs}")
            self._check(wish.undone == "delete", f"{name} was never deleted, and is gone")
        elif not ready and not wish.undone:
            self._failed(wish, row["error"])
        self._count("ready" if ready else wish.undone or "failed")
        await self._sent(wish)

    def _failed(self, wish: Wish, error: dict[str, Any] | None) -> None:
        """A wish that could be granted fails for what broke only, and says so."""
        code = (error or {}).get("code", "")
        self._check(bool(code), f"{wish.template} is not ready and says nothing")
        if wish.deed.source != "flipped":
            self.log(f"{wish.template} failed: {code}")
            honest = code.startswith(HONEST_ENDS)
            self._check(honest, f"{wish.template} is honest, and failed with {error}")

    async def _bytes(self, wish: Wish, ref: dict[str, Any]) -> None:
        where = f"{ref['object_id']} on {ref['store_id']}"
        try:
            content = await self.facts.content(ref["store_id"], ref["install_path"])
        except FileNotFoundError:
            self.broken.append(f"{where} is Ready, and absent")
            return
        self._check(content in wish.fits, f"{where} is Ready with wrong bytes")
        self._check(len(content) == ref["size"], f"{where} is Ready with a wrong size")

    async def _volume(self, wish: Wish, volume: str, pool: str) -> None:
        refs = await self._refs(volume)
        ready = [ref for ref in refs if ref["state"] == "Ready"]
        for ref in ready:
            await self._bytes(wish, ref)
        copies = await self._copies("c.id = '" + "' OR a.id = '".join(wish.copies) + "'")
        done = any(copy["state"] == "done" for copy in copies)
        if wish.undone != "delete":
            self._check(bool(ready) == done, f"{volume} on {pool}: {refs}, but its copy {copies}")
        self._count("volume ready" if ready else "volume " + (wish.undone or "failed"))
        if not done and not wish.undone:
            for copy in copies:
                self.log(f"{volume} failed: {copy['error']}")

    async def _sent(self, wish: Wish) -> None:
        """Bytes sent again are at most those in flight when a hop was lost."""
        if wish.source is None or wish.deed.source != "honest":
            return
        hops = await self.facts.rows(f"""
            SELECT h.epoch, h.generation FROM data_motion.hops h
            JOIN data_motion.copies c ON c.id = h.copy_id
            WHERE c.request -> 'source' ->> 'kind' = 'url'
              AND c.request -> 'source' -> 'object' ->> 'id' = '{wish.template}'""")
        size = len(wish.source.content)
        losses = sum(max(0, hop["epoch"] - 1) for hop in hops)
        most = max(1, len(hops)) * size + losses * min(IN_FLIGHT, size) + MIB
        told = f"{wish.template}: {wish.source.sent} bytes left its source of {size}"
        self._check(wish.source.sent <= most, f"{told}; at most {most}, {hops}")

    async def _views(self) -> None:
        """What the gateway shows is what the owners know."""
        for difference in await self.facts.rows("""
            SELECT a.id, c.state, r.state ->> 'state' AS shown
            FROM data_motion.askers a JOIN data_motion.copies c ON c.id = a.copy_id
            JOIN api_gateway.resources r ON r.noun = 'copy' AND r.id = a.id
            WHERE r.state ->> 'state' <>
                CASE a.state WHEN 'detached' THEN 'cancelled' ELSE c.state END"""):
            self.broken.append(f"the gateway shows another state: {difference}")
        for lost in await self.facts.rows("""
            SELECT o.id, r.state ->> 'ready' AS shown FROM image_store.stored_object o
            JOIN api_gateway.resources r ON r.noun = o.noun AND r.id = o.id
            WHERE NOT o.removed AND NOT r.removed AND o.noun = 'template'
              AND (r.state ->> 'ready')::boolean <> EXISTS (
                SELECT 1 FROM image_store.object_store_ref f
                WHERE f.object_id = o.id AND f.noun = o.noun AND f.state = 'Ready'
                  AND f.role = 'Image')"""):
            self.broken.append(f"the gateway shows another readiness: {lost}")

    async def _refs(self, name: str) -> list[dict[str, Any]]:
        return await self.facts.rows(f"""
            SELECT object_id, store_id, state, install_path, size, error
            FROM image_store.object_store_ref WHERE object_id = '{name}'""")

    async def _copies(self, which: str) -> list[dict[str, Any]]:
        return await self.facts.rows(f"""
            SELECT a.id, c.state, c.error ->> 'code' AS error FROM data_motion.askers a
            JOIN data_motion.copies c ON c.id = a.copy_id WHERE {which}""")

    def _check(self, holds: bool, told: str) -> None:
        if not holds:
            self.broken.append(told)

    def _count(self, outcome: str) -> None:
        self.outcomes[outcome] = self.outcomes.get(outcome, 0) + 1


def _told(logs: str, world: World) -> Iterator[str]:
    for secret in (world.s3.secret_key, "X-Amz-Signature", "canary-word", API_KEY):
        if secret in logs:
            at = logs.index(secret)
            line = logs[max(0, at - 200) : at].rpartition("\n")[2]
            yield f"a secret is in a log, after: {line}"
