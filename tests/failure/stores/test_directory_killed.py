"""A commit killed at any step is finished by the next one, and never shows half an object."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from stowage_contracts.errors import NotFound
from stowage_contracts.testing.grant_client import FileClient
from stowage_contracts.testing.store_hand import Hand, bytes_of
from stowage_stores.directory import DirectoryDriver

DATA = bytes_of(100_000)
STEPS = 17
CHILD = """
import os, signal, sys
from pathlib import Path
from stowage_contracts.plugins.image_store_driver import CommitAsk
from stowage_contracts.testing.store_hand import bytes_of, receipt_of
from stowage_stores.directory import writes
from stowage_stores.directory.tree import Tree

root, last = Path(sys.argv[1]), int(sys.argv[2])
ask = CommitAsk(key="a/b/c", writer="hop-1.1", size=100_000)
steps = 0

def count(event, _):
    global steps
    if event.startswith(("os.", "open")):
        steps += 1
        if steps == last:
            os.kill(os.getpid(), signal.SIGKILL)

sys.addaudithook(count)
writes.commit(Tree(root), ask)
"""


@pytest.mark.parametrize("step", range(1, STEPS + 1))
async def test_a_commit_killed_at_any_step_is_finished_by_the_next(
    tmp_path: Path, step: int
) -> None:
    hand = Hand(DirectoryDriver(str(tmp_path)), FileClient())
    grant = await hand.begin("a/b/c", len(DATA))
    await hand.fill(grant, DATA)
    child = subprocess.run([sys.executable, "-c", CHILD, str(tmp_path), str(step)], timeout=60)
    assert child.returncode in (0, -9)
    try:
        assert await hand.get("a/b/c") == DATA
    except NotFound:
        assert await hand.keys() == []
    for _ in range(2):
        assert (await hand.commit("a/b/c", grant, DATA)).size == len(DATA)
    assert await hand.get("a/b/c") == DATA
    for path in (tmp_path / ".stowage").iterdir():
        os.utime(path, (0, 0))
    await hand.driver.probe()  # sweeps what crashed commits left, and old markers
    assert not (tmp_path / ".stowage").exists()


def test_the_steps_above_reach_the_end(tmp_path: Path) -> None:
    (tmp_path / ".stowage").mkdir()
    (tmp_path / ".stowage" / "hop-1.1.part").write_bytes(DATA)
    child = subprocess.run([sys.executable, "-c", CHILD, str(tmp_path), str(STEPS + 1)], timeout=60)
    assert child.returncode == 0
