"""Volumes made of a pool's own copy of a template, moved and deleted, on real servers and disks."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.e2e.operator import Operator
from tests.e2e.sources import MIB, Source, image, serving

pytestmark = pytest.mark.asyncio(loop_scope="module")
LINKED, BLOCKS = "linked", "blocks"
CONTENT = image(8 * MIB, seed=77)


def run(*argv: str) -> None:
    subprocess.run(argv, check=True, capture_output=True, timeout=30)


@pytest.fixture(scope="module")
def xfs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A file system that shares blocks where one can be had; any other elsewhere."""
    folder = tmp_path_factory.mktemp("xfs")
    image, mount = folder / "disk", folder / "mount"
    mount.mkdir()
    with image.open("wb") as file:
        file.truncate(400 * MIB)
    try:
        run("mkfs.xfs", "-q", "-m", "reflink=1", str(image))
        run("mount", "-o", "loop", str(image), str(mount))
    except (FileNotFoundError, subprocess.CalledProcessError):
        yield mount
        return
    yield mount
    run("umount", "-l", str(mount))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def cloud(operator: Operator, xfs: Path) -> AsyncIterator[Operator]:
    """Host h2 with a pool of linked clones and one that may share blocks."""
    linked = operator.deployment.folder / LINKED
    linked.mkdir()
    pools = [
        {"id": LINKED, "name": LINKED, "root": str(linked), "install": "backing-file"},
        {"id": BLOCKS, "name": BLOCKS, "root": str(xfs)},
    ]
    await operator.host("h2", LINKED, pools=pools)
    yield operator


async def template(operator: Operator, template_id: str) -> None:
    async with serving(Source(CONTENT)) as source:
        await operator.register(source.url, id=template_id)
        made = await operator.settle(f"templates/{template_id}")
    assert made["ready"], made["error"]


async def until(look: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(60):
        while not await look():
            await asyncio.sleep(0.1)


async def done(operator: Operator, copies: list[dict[str, Any]]) -> list[dict[str, Any]]:
    ended = [await operator.settle(f"copies/{copy['id']}") for copy in copies]
    assert [copy["state"] for copy in ended] == ["done"] * len(copies), ended
    return ended


async def volumes(
    operator: Operator, template_id: str, pool: str, *ids: str, **wished: Any
) -> list[dict[str, Any]]:
    asked = [await operator.copy(template_id, pool, volume_id=id, **wished) for id in ids]
    return await done(operator, asked)


async def install_of(operator: Operator, volume: str) -> dict[str, Any]:
    """Once the volume is Ready."""
    found: dict[str, Any] = {}

    async def look() -> bool:
        nonlocal found
        (found,) = (await operator.call("GET", f"volumes/{volume}"))["replicas"]
        return bool(found["state"] == "Ready")

    await until(look)
    return dict(found["install"])


def files(root: Path, begin: str) -> set[str]:
    return {path.name for path in root.glob(f"{begin}*") if path.is_file()}


async def test_linked_clones_share_one_base_which_goes_with_the_last(cloud: Operator) -> None:
    root = cloud.deployment.folder / LINKED
    names = [f"link{n}" for n in range(6)]
    await template(cloud, "link")
    made = await volumes(cloud, "link", LINKED, *names, format="qcow2")
    assert {copy["strategy"] for copy in made} == {"store-native"}
    assert files(root, "link") == {"link.raw", *(f"{name}.qcow2" for name in names)}
    disk = cloud.deployment.folder / "disk.raw"
    disk.write_bytes(CONTENT)
    for name in names:
        overlay = str(root / f"{name}.qcow2")
        run("qemu-img", "compare", "-f", "qcow2", "-F", "raw", overlay, str(disk))
    install = await install_of(cloud, "link0")
    assert (install["strategy"], install["stands_on"]) == ("backing-file", "link")
    for name in names[1:]:
        await cloud.call("DELETE", f"volumes/{name}")

    async def one_left() -> bool:
        return files(root, "link") == {"link.raw", "link0.qcow2"}

    await until(one_left)
    await cloud.call("DELETE", f"templates/link/replicas/{LINKED}")
    shown = await cloud.call("GET", "templates/link")
    assert LINKED in {replica["store_id"] for replica in shown["replicas"]}


async def test_a_pool_that_shares_blocks_clones(cloud: Operator, xfs: Path) -> None:
    (host,) = [each for each in (await cloud.call("GET", "hosts"))["items"] if each["id"] == "h2"]
    (pool,) = [each for each in host["pools"] if each["id"] == BLOCKS]
    await template(cloud, "block")
    await volumes(cloud, "block", BLOCKS, "block1", "block2")
    install = await install_of(cloud, "block1")
    shares = "reflink" in pool["can"]
    assert install["strategy"] == ("reflink" if shares else "full-copy")
    assert (xfs / "block1.raw").read_bytes() == CONTENT
    if shares:
        assert (xfs / "block.raw").read_bytes() == CONTENT


async def test_a_volume_moves_out_and_back_and_is_one_place_at_a_time(cloud: Operator) -> None:
    pool, store = cloud.deployment.folder / "pool1", cloud.deployment.folder / "s1"
    await template(cloud, "moved")
    await volumes(cloud, "moved", "pool1", "mover")
    with (pool / "mover.raw").open("r+b") as volume:
        volume.write(b"a guest was here")
    written = (pool / "mover.raw").read_bytes()
    out = await cloud.call("POST", "volumes/mover/move", {"store_id": "s1"})
    await done(cloud, [out])

    async def only_in_store() -> bool:
        return not (pool / "mover.raw").exists()

    await until(only_in_store)
    (kept,) = store.glob("volume*/**/mover.raw")
    assert kept.read_bytes() == written
    back = await cloud.call("POST", "volumes/mover/move", {"store_id": "pool1"})
    await done(cloud, [back])

    async def only_on_pool() -> bool:
        return (pool / "mover.raw").exists() and not list(store.rglob("mover.raw"))

    await until(only_on_pool)
    assert (pool / "mover.raw").read_bytes() == written


async def test_what_is_deleted_leaves_no_byte_on_any_pool(cloud: Operator, xfs: Path) -> None:
    await template(cloud, "gone")
    await volumes(cloud, "gone", LINKED, "gone1", format="qcow2")
    await volumes(cloud, "gone", BLOCKS, "gone2")
    await volumes(cloud, "gone", "pool1", "gone3")
    await done(cloud, [await cloud.copy("gone")])
    await cloud.call("DELETE", "templates/gone")
    for volume in ("gone1", "gone2", "gone3"):
        await cloud.call("DELETE", f"volumes/{volume}")
    folder = cloud.deployment.folder

    async def empty() -> bool:
        return not any(files(root, "gone") for root in (folder / LINKED, folder / "pool1", xfs))

    await until(empty)

    async def forgotten() -> bool:
        shown = await cloud.call("GET", "templates/gone")
        return bool(shown["removed"] and not shown["replicas"])

    await until(forgotten)
