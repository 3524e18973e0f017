"""A process dies by SIGKILL at its step of a copy: the copy still ends, once, and true."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.e2e.deployment import Deployment
from tests.e2e.operator import HOST, Operator
from tests.e2e.sources import MIB, Source, image, serving
from tests.e2e.tap import Tap, tapped

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(180), pytest.mark.slow]

AGENT = f"agent:{HOST}"
STORE, MOTION, GATEWAY = "image-store", "data-motion", "api-gateway"
BLOWS = (
    ("RegisterTemplate", GATEWAY),
    ("RegisterTemplate", STORE),
    ("CopyRequested", MOTION),
    ("CopyPlanned", GATEWAY),
    ("ExecuteHop", MOTION),
    ("ExecuteHop", AGENT),
    ("HopProgressed", AGENT),
    ("HopFinished", AGENT),
    ("HopFinished", MOTION),
    ("CommitHop", STORE),
    ("HopCommitted", MOTION),
    ("CopyCompleted", STORE),
    ("ReplicaReady", GATEWAY),
)
"""At each step whoever has just spoken, or is to act next; tests/failure/chaos kills the others."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def tap(operator: Operator) -> AsyncIterator[Tap]:
    async with tapped(operator.deployment.backing, (HOST,)) as tap:
        yield tap


@pytest.mark.parametrize(("step", "victim"), BLOWS)
async def test_a_copy_survives_a_kill(operator: Operator, tap: Tap, step: str, victim: str) -> None:
    content = image(3 * MIB, seed=BLOWS.index((step, victim)))
    async with serving(Source(content, bytes_per_second=4 * MIB)) as source:
        async with tap.next(step) as reached:
            made = await operator.register(source.url, checksum=source.sha256)
            async with asyncio.timeout(60):
                await reached.wait()
            await operator.deployment.kill(victim)
        await _restart(operator.deployment, victim)
        template = await _settled(operator, f"templates/{made['id']}")
    assert template["ready"], template["error"]
    stored = _only(operator.deployment.folder / "s1", made["id"])
    assert stored.read_bytes() == content
    copy = await _settled(operator, f"copies/{made['copy_id']}")
    assert copy["state"] == "done"
    assert [r["state"] for r in template["replicas"]] == ["Ready"]
    assert _parts(operator.deployment.folder) == []


async def _restart(deployment: Deployment, name: str) -> None:
    if name == AGENT:
        pool = deployment.folder / "pool1"
        pools = [{"id": "pool1", "name": "pool1", "root": str(pool)}]
        await deployment.start_agent(HOST, pools=pools, roots=[str(deployment.folder)])
    else:
        await deployment.start(name)


async def _settled(operator: Operator, path: str) -> dict[str, Any]:
    """The resource once it ended; the gateway itself may just have been restarted."""
    async with asyncio.timeout(120):
        while True:
            found = await operator.settle(path, seconds=10)
            if found.get("ready") or found.get("error") or found.get("finished"):
                return found


def _only(root: Path, template_id: str) -> Path:
    (found,) = (p for p in (root / "template").rglob(f"{template_id}*") if p.is_file())
    return found


def _parts(folder: Path) -> list[Path]:
    return [p for p in folder.rglob("*.part*") if p.is_file()]
