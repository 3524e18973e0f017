"""A deployment on which one process is killed at an exact moment, and what must be true after."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg

from tests.e2e.operator import HOST, Operator, Refused
from tests.e2e.tap import Tap
from tests.failure.objects.tripwire import Tripwire
from tests.servers.s3 import S3Server

SECONDS = 60
AGENT = f"agent:{HOST}"
SCHEMAS = {"image-store": "image_store", "data-motion": "data_motion"}
WIRES = {
    "a part was sent": rb"PUT /\S*partNumber=",
    "an upload was completed": rb"POST /\S*uploadId=",
    "an upload was created": rb"POST /\S*\?uploads",
    "a note was written": rb"PUT /\S*/\.stowage/notes/",
    "it was copied": rb"(?s)PUT /.*x-amz-copy-source",
    "a byte came in": rb"PUT /u/",
}
"""What the server has just done when its caller is killed; the other steps are messages."""


async def until(look: Callable[[], Awaitable[Any]], what: Callable[[], str]) -> Any:
    """What ``look`` finds once it finds something."""
    found: Any = None
    try:
        async with asyncio.timeout(SECONDS):
            while not (found := await look()):
                await asyncio.sleep(0.2)
    except TimeoutError:
        raise AssertionError(f"never happened: {what()}") from None
    return found


@dataclass
class Stage:
    """Directory store ``s1``, bucket ``rgw``, host ``h1`` with a door; wires to bucket and door."""

    operator: Operator
    tap: Tap
    wire: Tripwire
    door: Tripwire
    server: S3Server
    bucket: str
    imports: str
    """A bucket of the same server that is no store."""
    agent: dict[str, Any]

    @property
    def folder(self) -> Path:
        return self.operator.deployment.folder

    @asynccontextmanager
    async def strike(self, step: str, victim: str) -> AsyncIterator[None]:
        """The victim is killed at that step, which the block brings about, and runs again."""
        killing = asyncio.create_task(self._kill_at(step, victim))
        await asyncio.sleep(0)
        try:
            yield
            async with asyncio.timeout(60):
                await killing
        finally:
            killing.cancel()
        await self._leases_lapse(victim)
        await self.restart(victim)

    async def _kill_at(self, step: str, victim: str) -> None:
        kill = self.operator.deployment.kill
        if step not in WIRES:
            async with self.tap.next(step) as reached:
                await reached.wait()
                await kill(victim)
            return
        wire = self.door if step == "a byte came in" else self.wire
        async with wire.armed(WIRES[step]) as trip:
            await trip.reached.wait()
            await kill(victim)

    async def restart(self, name: str) -> None:
        """Start a process that was killed."""
        if name == AGENT:
            await self.operator.deployment.start_agent(HOST, **self.agent)
        else:
            await self.operator.deployment.start(name)

    async def _leases_lapse(self, victim: str) -> None:
        """What the dead had begun is taken up at once instead of after its lease."""
        if victim in SCHEMAS:
            schema = SCHEMAS[victim]
            await self.rows(f"UPDATE {schema}.intents SET leased_until = {schema}.stowage_now()")

    async def rows(self, query: str) -> list[dict[str, Any]]:
        """What the database says."""
        connection = await asyncpg.connect(self.operator.deployment.backing.database_url)
        try:
            return [dict(row) for row in await connection.fetch(query)]
        finally:
            await connection.close()

    async def template(self, template_id: str) -> dict[str, Any]:
        """As the API shows it; empty when it knows none."""
        try:
            found: dict[str, Any] = await self.operator.call("GET", f"templates/{template_id}")
        except Refused as refused:
            if refused.status != 404:
                raise
            return {}
        return found

    async def ready(self, template_id: str, copies: int = 1) -> dict[str, Any]:
        """The template once that many replicas are Ready, and no other is there."""
        last: dict[str, Any] = {}

        async def look() -> dict[str, Any] | None:
            nonlocal last
            last = await self.template(template_id)
            states = [one["state"] for one in last.get("replicas", ())]
            return last if last.get("ready") and states == ["Ready"] * copies else None

        found: dict[str, Any] = await until(look, lambda: f"{copies} replicas of {last}")
        return found

    async def store_state(self, store_id: str) -> str:
        """Removed when the API does not know it."""
        try:
            return str((await self.operator.call("GET", f"stores/{store_id}"))["state"])
        except Refused as refused:
            if refused.status != 404:
                raise
            return "Removed"
