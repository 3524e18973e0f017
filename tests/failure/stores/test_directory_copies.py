"""Copies inside a directory: shared blocks on a real XFS, and killed at any step."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from stowage_contracts.plugins.image_store_driver import CopyAsk
from stowage_contracts.testing.grant_client import FileClient
from stowage_contracts.testing.store_hand import Hand, bytes_of
from stowage_stores.directory import DirectoryDriver

DATA = bytes_of(100_000)
ASK = CopyAsk(source="from", key="a/to", writer="copy-1.1")
STEPS = 40
CHILD = """
import asyncio, os, signal, sys
from stowage_contracts.plugins.image_store_driver import CopyAsk
from stowage_stores.directory import DirectoryDriver

driver, last, steps = DirectoryDriver(sys.argv[1]), int(sys.argv[2]), 0
ask = CopyAsk(source="from", key="a/to", writer="copy-1.1")

def count(event, arguments):
    global steps
    if event.startswith(("os.", "open", "fcntl.")) and "site-packages" not in str(arguments):
        steps += 1
        if steps == last:
            os.kill(os.getpid(), signal.SIGKILL)

sys.addaudithook(count)
asyncio.run(driver.copy(ask))
"""


def killed_at(root: Path, step: int) -> int:
    argv = [sys.executable, "-c", CHILD, str(root), str(step)]
    return subprocess.run(argv, timeout=60, check=False).returncode


@pytest.mark.parametrize("step", range(1, STEPS + 1, 3))
async def test_a_copy_killed_at_any_step_is_made_by_the_next(tmp_path: Path, step: int) -> None:
    driver = DirectoryDriver(str(tmp_path))
    hand = Hand(driver, FileClient())
    await hand.put("from", DATA)
    assert killed_at(tmp_path, step) in (0, -9)
    assert await hand.keys() in (["from"], ["a/to", "from"])
    for _ in range(2):
        assert (await driver.copy(ASK)).size == len(DATA)
    assert await hand.get("a/to") == DATA
    for path in (tmp_path / ".stowage").iterdir():
        os.utime(path, (0, 0))
    await driver.probe()
    assert not (tmp_path / ".stowage").exists()


async def test_the_steps_above_reach_the_end(tmp_path: Path) -> None:
    await Hand(DirectoryDriver(str(tmp_path)), FileClient()).put("from", DATA)
    assert killed_at(tmp_path, STEPS + 1) == 0


@pytest.fixture
def xfs(tmp_path: Path) -> Iterator[Path]:
    """A file system that shares blocks."""
    if os.geteuid() != 0:
        pytest.skip("mounting needs root")
    image, mount = tmp_path / "disk", tmp_path / "mount"
    mount.mkdir()
    with image.open("wb") as file:
        file.truncate(400 << 20)
    try:
        run("mkfs.xfs", "-q", "-m", "reflink=1", str(image))
        run("mount", "-o", "loop", str(image), str(mount))
    except (FileNotFoundError, subprocess.CalledProcessError) as error:
        pytest.skip(f"no XFS here: {error}")
    yield mount
    run("umount", "-l", str(mount))


def run(*argv: str) -> None:
    subprocess.run(argv, check=True, capture_output=True, timeout=30)


async def test_a_file_system_that_can_shares_the_blocks(xfs: Path) -> None:
    driver = DirectoryDriver(str(xfs), mounted=True)
    hand = Hand(driver, FileClient())
    await hand.put("from", bytes_of(32 << 20))
    before = os.statvfs(xfs).f_bfree
    await driver.copy(ASK)
    taken = (before - os.statvfs(xfs).f_bfree) * os.statvfs(xfs).f_frsize
    assert taken < 4 << 20
    assert await hand.get("a/to") == bytes_of(32 << 20)
