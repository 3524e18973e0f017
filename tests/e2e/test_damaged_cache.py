"""Bytes that changed on a cache: noticed by who reads them, dropped, filled anew, told."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.e2e.operator import ZONE, Operator
from tests.e2e.sources import MIB, Source, image, serving

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(120), pytest.mark.slow]
SIZE, POOL_X, CACHE = 12 * MIB, "poolx", "near"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def zone(operator: Operator) -> tuple[Operator, Path]:
    """A cache in a directory, and a XenServer that reads nothing but files of it."""
    root = operator.deployment.folder / "cache"
    root.mkdir()
    place = {"scope": "zone", "scope_id": ZONE, "role": "ImageCache"}
    body = {"id": CACHE, "name": CACHE, "provider": "directory", "settings": {"root": str(root)}}
    await operator.call("POST", "stores", body | place)
    assert (await operator.settle(f"stores/{CACHE}"))["state"] == "Up"
    cluster = {"id": "cx", "name": "cx", "pod_id": "p1", "hypervisor": "XenServer"}
    await operator.call("POST", "clusters", cluster)
    await operator.host(
        "x1",
        POOL_X,
        kind="XenServer",
        cluster_id="cx",
        hypervisor="fake",
        roots=[str(root)],
        fetch=False,
        options={"kind": "XenServer", "reads": ["file"], "writes": ["file"]},
    )
    return operator, root


async def copied(operator: Operator, key: str) -> tuple[dict[str, Any], bytes]:
    """A volume of the template by way of the cache; the copy, and the volume's bytes."""
    volume = f"{key}-{os.urandom(3).hex()}"
    asked = await operator.copy(key, POOL_X, volume_id=volume)
    done = await operator.settle(f"copies/{asked['id']}")
    assert done["state"] == "done", done["error"]
    (path,) = (operator.deployment.folder / POOL_X).glob(f"{volume}.*")
    return done, path.read_bytes()


async def only_entry(operator: Operator) -> str:
    found = await operator.call("GET", f"cache-entries?store_id={CACHE}")
    (entry,) = [one for one in found["entries"] if one["state"] == "ready"]
    return str(entry["id"])


async def test_flipped_bytes_are_never_delivered_and_the_cache_is_filled_anew(
    zone: tuple[Operator, Path],
) -> None:
    operator, root = zone
    content = image(SIZE, seed=5)
    async with serving(Source(content)) as source:
        await operator.register(source.url, id="flipped")
        made = await operator.settle("templates/flipped")
    assert made["ready"], made["error"]
    assert (await copied(operator, "flipped"))[1] == content
    first = await only_entry(operator)
    (file,) = [path for path in root.rglob("*") if path.is_file() and path.stat().st_size == SIZE]
    with file.open("r+b") as opened:
        opened.seek(5 * MIB)
        opened.write(bytes(byte ^ 0xFF for byte in content[5 * MIB : 5 * MIB + 16]))
    copy, data = await copied(operator, "flipped")
    assert data == content
    assert copy["strategy"] == "via-cache"
    assert await only_entry(operator) != first
    told = await operator.call("GET", f"decisions?subject=entry/{first}")
    (gone, *_) = told["decisions"]
    assert (gone["kind"], gone["details"]["why"]) == ("evict", "damaged")
    assert "damaged" in gone["reason"]
    again, data = await copied(operator, "flipped")
    assert (data, len(again["hops"])) == (content, 1)
