"""Real file systems that are full, read-only or frozen."""

import errno
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from stowage_contracts.errors import OutOfSpace, Unavailable
from stowage_contracts.testing.grant_client import FileClient
from stowage_contracts.testing.store_hand import Hand
from stowage_stores.directory import DirectoryDriver

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="mounting needs root")


def run(*argv: str) -> None:
    subprocess.run(argv, check=True, capture_output=True, timeout=30)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A small ext4 of its own, mounted."""
    image, mount = tmp_path / "disk", tmp_path / "mount"
    mount.mkdir()
    with image.open("wb") as file:
        file.truncate(8 << 20)
    run("mkfs.ext4", "-q", "-m", "0", str(image))
    try:
        run("mount", "-o", "loop", str(image), str(mount))
    except subprocess.CalledProcessError as error:
        pytest.skip(f"no loop mounts here: {error.stderr.decode().strip()}")
    yield mount
    run("umount", "-l", str(mount))


def fill(path: Path, step: int) -> None:
    with path.open("wb", buffering=0) as file:
        full = False
        while not full:
            try:
                file.write(bytes(step))
            except OSError as error:
                full = error.errno == errno.ENOSPC


def hand_on(root: Path, seconds: float = 20) -> Hand:
    return Hand(DirectoryDriver(str(root), seconds=seconds, mounted=True), FileClient())


async def test_a_mounted_disk_passes_its_probe(disk: Path) -> None:
    checks, capacity = await hand_on(disk).driver.probe()
    assert all(check.ok for check in checks)
    assert capacity.total_bytes is not None
    assert capacity.total_bytes < 8 << 20


async def test_a_full_disk_fails_its_probe_and_says_so(disk: Path) -> None:
    hand = hand_on(disk)
    await hand.put("kept", b"kept")
    grant = await hand.begin("new", 10, "hop-2.1")
    fill(disk / "filler", 1 << 16)
    fill(disk / "last bytes", 1)
    checks, _ = await hand.driver.probe()
    assert [(check.name, check.code) for check in checks if not check.ok] == [
        ("write", "out_of_space")
    ]
    assert await hand.get("kept") == b"kept"
    with pytest.raises(OutOfSpace):
        await hand.begin("more", 10, "hop-3.1")
    os.truncate(disk / ".stowage" / "hop-2.1.part", 10)
    with pytest.raises(OutOfSpace):
        await hand.commit("new", grant, bytes(10), "hop-2.1")
    (disk / "filler").unlink()
    assert (await hand.commit("new", grant, bytes(10), "hop-2.1")).size == 10


async def test_a_read_only_disk_is_read_and_not_written(disk: Path) -> None:
    hand = hand_on(disk)
    await hand.put("kept", b"kept")
    run("mount", "-o", "remount,ro", str(disk))
    checks, _ = await hand.driver.probe()
    failed = [(check.name, check.code) for check in checks if not check.ok]
    assert failed[0] == ("write", "read_only")
    with pytest.raises(Unavailable) as caught:
        await hand.begin("new", 1, "hop-2.1")
    assert caught.value.code == "unavailable.read_only"
    assert await hand.get("kept") == b"kept"
    assert await hand.keys() == ["kept"]


async def test_a_frozen_disk_blocks_neither_the_loop_nor_other_stores(
    disk: Path, tmp_path: Path
) -> None:
    frozen, other = hand_on(disk, seconds=0.3), tmp_path / "other"
    other.mkdir()
    await frozen.put("kept", b"kept")
    run("fsfreeze", "-f", str(disk))
    try:
        checks, _ = await frozen.driver.probe()
        failed = [(check.name, check.code) for check in checks if not check.ok]
        assert failed[0] == ("write", "stuck")
        checks, _ = await DirectoryDriver(str(other)).probe()
        assert all(check.ok for check in checks)
    finally:
        run("fsfreeze", "-u", str(disk))
    assert await hand_on(disk).get("kept") == b"kept"
