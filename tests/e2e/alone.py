"""A real `stowage standalone` in a process of its own, and calls to its API."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp


@dataclass
class Standalone:
    """A running one."""

    process: asyncio.subprocess.Process
    facts: dict[str, str]
    session: aiohttp.ClientSession

    async def call(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        async with self.session.request(
            method, f"{self.facts['url']}/v1/{path}", json=body
        ) as response:
            assert response.status < 400, await response.text()
            return await response.json()

    async def stop(self, number: signal.Signals) -> int:
        self.process.send_signal(number)
        async with asyncio.timeout(40):
            return await self.process.wait()


@asynccontextmanager
async def started(folder: Path) -> AsyncIterator[Standalone]:
    """`stowage standalone` on that folder; killed if the test left it running."""
    stowage = Path(sys.executable).with_name("stowage")
    with (folder.parent / "standalone.log").open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            stowage,
            "standalone",
            "--port",
            "0",
            "--data",
            folder,
            stdout=asyncio.subprocess.PIPE,
            stderr=log,
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "STOWAGE_FETCH_ALLOW": "127.0.0.0/8"},
        )
    try:
        assert process.stdout is not None
        async with asyncio.timeout(90):
            facts = json.loads(await process.stdout.readline())
        headers = {"Authorization": f"Bearer {facts['api_key']}"}
        async with aiohttp.ClientSession(headers=headers) as session:
            yield Standalone(process, facts, session)
    finally:
        if process.returncode is None:
            process.terminate()  # killed, it would leave its database running
            try:
                async with asyncio.timeout(40):
                    await process.wait()
            except TimeoutError:
                process.kill()
                await process.wait()
