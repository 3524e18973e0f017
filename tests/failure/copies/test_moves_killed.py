"""A process dies while a volume moves or is made of a base: it ends whole, in one place."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.e2e.deployment import Deployment
from tests.e2e.operator import HOST, Operator, Refused
from tests.e2e.sources import MIB, Source, image, serving
from tests.e2e.tap import Tap, tapped

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(180), pytest.mark.slow]
AGENT = f"agent:{HOST}"
CONTENT = image(3 * MIB, seed=4711)
BLOWS = (
    ("MoveVolume", "image-store"),
    ("ExecuteHop", AGENT),
    ("HopCommitted", "data-motion"),
    ("CopyCompleted", "image-store"),
    ("RemoveObject", AGENT),
    ("ObjectRemoved", "image-store"),
)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def tap(operator: Operator) -> AsyncIterator[Tap]:
    async with serving(Source(CONTENT)) as source:
        await operator.register(source.url, id="t1")
        assert (await operator.settle("templates/t1"))["ready"]
    async with tapped(operator.deployment.backing, (HOST,)) as tap:
        yield tap


@pytest.mark.parametrize(("step", "victim"), BLOWS)
async def test_a_move_survives_a_kill(operator: Operator, tap: Tap, step: str, victim: str) -> None:
    deployment, name = operator.deployment, f"v{BLOWS.index((step, victim))}"
    await _ended(operator, (await operator.copy("t1", volume_id=name))["id"])
    async with tap.next(step) as reached:
        move = await operator.call("POST", f"volumes/{name}/move", {"store_id": "s1"})
        async with asyncio.timeout(60):
            await reached.wait()
        await deployment.kill(victim)
    await _restart(deployment, victim)
    assert (await _ended(operator, move["id"]))["state"] == "done"

    async def in_one_place() -> bool:
        shown = await operator.call("GET", f"volumes/{name}")
        return [one["store_id"] for one in shown["replicas"]] == ["s1"]

    await _until(in_one_place)
    assert not (deployment.folder / "pool1" / f"{name}.raw").exists()
    (stored,) = (deployment.folder / "s1").glob(f"volume*/**/{name}.raw")
    assert stored.read_bytes() == CONTENT
    assert _parts(deployment.folder) == []


async def _restart(deployment: Deployment, name: str) -> None:
    if name == AGENT:
        pools = [{"id": "pool1", "name": "pool1", "root": str(deployment.folder / "pool1")}]
        await deployment.start_agent(HOST, pools=pools, roots=[str(deployment.folder)])
    else:
        await deployment.start(name)


async def _ended(operator: Operator, copy_id: str) -> dict[str, Any]:
    found: dict[str, Any] = {}

    async def look() -> bool:
        nonlocal found
        found = await operator.settle(f"copies/{copy_id}", seconds=10)
        return bool(found["finished"])

    await _until(look)
    return found


async def _until(look: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(120):
        while True:
            try:
                if await look():
                    return
            except Refused as refused:
                if refused.status < 500 and refused.status != 404:
                    raise
            await asyncio.sleep(0.1)


def _parts(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*.part*") if path.is_file()]
