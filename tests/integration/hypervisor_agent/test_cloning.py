"""Volumes made of a pool's own copy of a template: clones on XFS, overlays, what is refused."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from stowage_contracts.messages.data_motion import HopCommitted
from stowage_contracts.messages.hypervisor_agent import (
    CancelHop,
    ExecuteHop,
    HopFinished,
    HostJoined,
    ObjectRemoved,
    RemoveObject,
)
from stowage_contracts.values import GrantRef, HopMethod, ImageFormat, ServiceName
from stowage_runtime.bus import Bus

from tests.integration.hypervisor_agent.cloud import (
    HOST,
    POOL,
    Cloud,
    commit,
    make_agent,
    pool_end,
    running,
    url_end,
)
from tests.integration.hypervisor_agent.kit import MIB, noise, tree_digest

BASE = noise(24 * MIB)
DIGEST = tree_digest(BASE)


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A file system that shares blocks."""
    if os.geteuid() != 0:
        pytest.skip("mounting needs root")
    folder = tmp_path_factory.mktemp("xfs")
    image, mount = folder / "disk", folder / "mount"
    mount.mkdir()
    with image.open("wb") as file:
        file.truncate(400 * MIB)
    try:
        run("mkfs.xfs", "-q", "-m", "reflink=1", str(image))
        run("mount", "-o", "loop", str(image), str(mount))
    except (FileNotFoundError, subprocess.CalledProcessError) as error:
        pytest.skip(f"no XFS here: {error}")
    yield mount
    run("umount", "-l", str(mount))


@pytest.fixture
def xfs(disk: Path, request: pytest.FixtureRequest) -> Path:
    """An empty folder of it."""
    folder = disk / str(request.node.name)
    folder.mkdir()
    return folder


def run(*argv: str) -> str:
    done = subprocess.run(argv, check=True, capture_output=True, timeout=30, text=True)
    return done.stdout


def order(cloud: Cloud, root: Path, method: HopMethod, **changes: object) -> ExecuteHop:
    """A volume v1 of the base t1, both on the pool."""
    base = changes.pop("base", ImageFormat.RAW)
    made = ImageFormat.QCOW2 if method is HopMethod.BACKING else ImageFormat.RAW
    grant = GrantRef(id="base", owner=ServiceName.HYPERVISOR_AGENT)
    source = pool_end(root, f"t1.{base}").model_copy(update={"format": base, "grant": grant})
    target = pool_end(root, f"v1.{made}").model_copy(update={"format": made})
    known = {"size": len(BASE), "digest": DIGEST} if method is HopMethod.CLONE else {}
    facts = {"source": source, "method": method, **known, **changes}
    return cloud.order(lambda _: pytest.fail("nobody else is asked"), target, **facts)


async def done(cloud: Cloud, asked: ExecuteHop) -> HopFinished:
    await cloud.send(asked)
    return await cloud.heard(HopFinished)


async def test_a_clone_has_the_bytes_of_its_base_and_takes_no_room(
    cloud: Cloud, agent_bus: Bus, xfs: Path
) -> None:
    (xfs / "t1.raw").write_bytes(BASE)
    run("sync", "-f", str(xfs))
    async with running(make_agent(cloud, agent_bus, xfs)):
        joined = await cloud.heard(HostJoined)
        assert "reflink" in joined.pools[0].can
        before = os.statvfs(xfs).f_bfree
        asked = order(cloud, xfs, HopMethod.CLONE)
        finished = await done(cloud, asked)
        assert finished.receipt is not None
        assert (finished.receipt.size, finished.receipt.digest) == (len(BASE), DIGEST)
        assert not (xfs / "v1.raw").exists()
        await cloud.send(commit(asked, finished))
        await cloud.heard(HopCommitted)
    assert (before - os.statvfs(xfs).f_bfree) * os.statvfs(xfs).f_frsize < 4 * MIB
    assert (xfs / "v1.raw").read_bytes() == BASE
    with (xfs / "v1.raw").open("r+b") as volume:
        volume.write(b"a guest's own bytes")
    assert (xfs / "t1.raw").read_bytes() == BASE


async def test_a_base_of_another_length_is_no_base(cloud: Cloud, agent_bus: Bus, xfs: Path) -> None:
    (xfs / "t1.raw").write_bytes(BASE[:-1])
    async with running(make_agent(cloud, agent_bus, xfs)):
        finished = await done(cloud, order(cloud, xfs, HopMethod.CLONE))
    assert finished.error is not None
    assert finished.error.code == "conflict.base"


async def test_a_cancelled_clone_leaves_nothing(cloud: Cloud, agent_bus: Bus, xfs: Path) -> None:
    (xfs / "t1.raw").write_bytes(BASE)
    async with running(make_agent(cloud, agent_bus, xfs)):
        asked = order(cloud, xfs, HopMethod.CLONE, hop_id="hop-9")
        await done(cloud, asked)
        assert list(xfs.glob(".stowage/hop-9*.part"))
        await cloud.send(
            CancelHop(hop_id="hop-9", host_id=HOST, epoch=1, destination=asked.destination)
        )
        await cloud.send(removal("t1.raw"))
        await cloud.heard(ObjectRemoved)
    assert not list(xfs.glob(".stowage/hop-9*"))


async def test_where_blocks_are_not_shared_a_clone_is_refused_and_never_declared(
    cloud: Cloud, agent_bus: Bus, pool: Path
) -> None:
    (pool / "t1.raw").write_bytes(BASE)
    async with running(make_agent(cloud, agent_bus, pool)):
        joined = await cloud.heard(HostJoined)
        if "reflink" in joined.pools[0].can:
            pytest.skip("temporary files share blocks here")
        finished = await done(cloud, order(cloud, pool, HopMethod.CLONE))
    assert finished.error is not None
    assert finished.error.code == "invalid.reflink"


@pytest.mark.parametrize("format", [ImageFormat.RAW, ImageFormat.QCOW2])
async def test_an_overlay_stands_on_exactly_its_base(
    cloud: Cloud, agent_bus: Bus, pool: Path, format: ImageFormat
) -> None:
    base, volume = pool / f"t1.{format}", pool / "v1.qcow2"
    (pool / "disk").write_bytes(BASE)
    run("qemu-img", "convert", "-f", "raw", "-O", format.value, str(pool / "disk"), str(base))
    async with running(make_agent(cloud, agent_bus, pool)):
        assert "overlay" in (await cloud.heard(HostJoined)).pools[0].can
        asked = order(cloud, pool, HopMethod.BACKING, base=format)
        finished = await done(cloud, asked)
        await cloud.send(commit(asked, finished))
        await cloud.heard(HopCommitted)
    assert finished.receipt is not None
    assert finished.receipt.digest == tree_digest(volume.read_bytes())
    assert volume.stat().st_size < MIB
    told = run("qemu-img", "info", "--backing-chain", str(volume))
    assert f"backing file: t1.{format}" in told
    assert f"backing file format: {format}" in told
    run("qemu-img", "compare", "-f", "qcow2", "-F", "raw", str(volume), str(pool / "disk"))


@pytest.mark.parametrize("method", [HopMethod.CLONE, HopMethod.BACKING])
async def test_nothing_but_the_pools_own_copy_is_a_base(
    cloud: Cloud, agent_bus: Bus, pool: Path, method: HopMethod
) -> None:
    async with running(make_agent(cloud, agent_bus, pool)):
        finished = await done(cloud, order(cloud, pool, method, source=url_end()))
    assert finished.error is not None
    assert finished.error.code == "invalid.clone"


async def test_a_base_of_another_format_than_declared_is_refused(
    cloud: Cloud, agent_bus: Bus, pool: Path
) -> None:
    run("qemu-img", "create", "-q", "-f", "qcow2", str(pool / "t1.raw"), "64M")
    async with running(make_agent(cloud, agent_bus, pool)):
        finished = await done(cloud, order(cloud, pool, HopMethod.BACKING))
    assert finished.error is not None
    assert finished.error.code == "invalid.base"


def removal(key: str, **changes: object) -> RemoveObject:
    expires = datetime.now(UTC) + timedelta(minutes=5)
    facts = {"removal_id": f"remove-{key}", "store_id": POOL, "key": key, "expires": expires}
    return RemoveObject.model_validate({"host_id": HOST, **facts, **changes})


async def test_an_object_is_removed_and_gone_is_as_good(
    cloud: Cloud, agent_bus: Bus, pool: Path
) -> None:
    (pool / "v1.raw").write_bytes(b"a volume")
    async with running(make_agent(cloud, agent_bus, pool)):
        for count in (1, 2):
            await cloud.send(removal("v1.raw"))
            assert (await cloud.heard(ObjectRemoved, count)).error is None
    assert not (pool / "v1.raw").exists()


async def test_a_removal_said_again_spares_what_came_back(
    cloud: Cloud, agent_bus: Bus, pool: Path
) -> None:
    (pool / "v1.raw").write_bytes(b"a volume")
    async with running(make_agent(cloud, agent_bus, pool)):
        await cloud.send(removal("v1.raw"))
        await cloud.heard(ObjectRemoved)
        (pool / "v1.raw").write_bytes(b"it moved back")
        await cloud.send(removal("v1.raw"))
        assert (await cloud.heard(ObjectRemoved, 2)).error is None
        assert (pool / "v1.raw").read_bytes() == b"it moved back"
        await cloud.send(removal("v1.raw", removal_id="another"))
        await cloud.heard(ObjectRemoved, 3)
    assert not (pool / "v1.raw").exists()


async def test_what_cannot_be_removed_says_why(cloud: Cloud, agent_bus: Bus, pool: Path) -> None:
    async with running(make_agent(cloud, agent_bus, pool)):
        await cloud.send(removal("v1.raw", store_id="elsewhere"))
        said = await cloud.heard(ObjectRemoved)
        await cloud.send(removal("../out", removal_id="outside"))
        outside = await cloud.heard(ObjectRemoved, 2)
    assert said.error is not None
    assert said.error.code == "not_found.pool"
    assert outside.error is not None


async def test_a_removal_that_comes_too_late_is_not_carried_out(
    cloud: Cloud, agent_bus: Bus, pool: Path
) -> None:
    (pool / "v1.raw").write_bytes(b"another volume")
    async with running(make_agent(cloud, agent_bus, pool)):
        await cloud.send(removal("v1.raw", expires=datetime.now(UTC)))
        await cloud.send(removal("v2.raw"))
        await cloud.heard(ObjectRemoved)
    assert (pool / "v1.raw").exists()
