"""Volumes moved between two pools: by the hypervisor that declares it, else by its agent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.e2e.operator import Operator
from tests.e2e.sources import MIB, Source, image, serving

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(300), pytest.mark.slow]
CONTENT = image(9 * MIB, seed=91)
HERE, THERE = "xen-here", "xen-there"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def xen(operator: Operator) -> AsyncIterator[Operator]:
    """Host x1, which reads files only and moves volumes itself, with two pools; template t1."""
    folder = operator.deployment.folder
    (folder / THERE).mkdir()
    pools = [{"id": each, "name": each, "root": str(folder / each)} for each in (HERE, THERE)]
    cluster = {"id": "cx", "name": "cx", "pod_id": "p1", "hypervisor": "XenServer"}
    await operator.call("POST", "clusters", cluster)
    options = {"kind": "XenServer", "reads": ["file"], "writes": ["file"], "moves": True}
    await operator.host(
        "x1",
        HERE,
        kind="XenServer",
        cluster_id="cx",
        hypervisor="fake",
        pools=pools,
        options=options,
    )
    async with serving(Source(CONTENT)) as source:
        await operator.register(source.url, id="t1", hypervisor="XenServer")
        made = await operator.settle("templates/t1")
    assert made["ready"], made["error"]
    yield operator


def stored(operator: Operator, pool: str, volume: str) -> list[bytes]:
    folder: Path = operator.deployment.folder / pool
    return [path.read_bytes() for path in folder.glob(f"{volume}.*")]


async def moved(operator: Operator, volume: str) -> dict[str, Any]:
    """A volume of the template, moved from one pool to the other; the copy that did."""
    copy = await operator.copy("t1", HERE, volume_id=volume)
    copy = await operator.settle(f"copies/{copy['id']}")
    assert copy["state"] == "done", copy["error"]
    asked = await operator.call("POST", f"volumes/{volume}/move", {"store_id": THERE})
    done: dict[str, Any] = await operator.settle(f"copies/{asked['id']}")
    assert done["state"] == "done", done["error"]
    async with asyncio.timeout(30):
        while stored(operator, HERE, volume):
            await asyncio.sleep(0.1)
    assert stored(operator, THERE, volume) == [CONTENT]
    return done


async def test_the_hypervisor_moves_it_and_the_agent_verifies(xen: Operator) -> None:
    done = await moved(xen, "v1")
    assert done["strategy"] == "hypervisor-native", str(done["answers"])
    (hop,) = done["hops"]
    assert (hop["method"], hop["host_id"]) == ("native", "x1")


async def test_where_that_is_forbidden_the_agent_carries_it(xen: Operator) -> None:
    await xen.call("PUT", "motion-policies/z1", {"forbid": ["hypervisor-native"]})
    try:
        done = await moved(xen, "v2")
    finally:
        await xen.call("DELETE", "motion-policies/z1")
        await xen.gone("motion-policies/z1")
    assert (done["strategy"], done["hops"][0]["method"]) == ("direct", "copy")
