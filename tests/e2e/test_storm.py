"""A newcomer's storm: one command, VMs that come and go, every byte right, every reason told."""

from __future__ import annotations

import asyncio
import re
import sys
from collections import defaultdict
from pathlib import Path

import pytest

pytestmark = [pytest.mark.timeout(240), pytest.mark.slow]
REPOSITORY = Path(__file__).parents[2]
DECIDED = re.compile(r"^ *\d\d:\d\d:\d\d +(\w+) +transport_vm/(\S+) +(\S.*)$", re.MULTILINE)
"""A line of the reasons: what was decided of which VM, and why."""


async def storm(log: Path) -> int:
    """How a small one ended; what it told is in the log, however it ended."""
    argv = ["-m", "examples.storm", "--hosts", "2", "--images", "2", "--mib", "4"]
    with log.open("wb") as out:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *argv,
            cwd=REPOSITORY,
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
            stdout=out,
            stderr=asyncio.subprocess.STDOUT,
        )
    try:
        async with asyncio.timeout(200):
            return await process.wait()
    except TimeoutError:
        raise AssertionError(f"it went on for too long:\n{log.read_text()}") from None
    finally:
        if process.returncode is None:
            process.terminate()
            await process.wait()


async def test_a_storm_ends_with_an_empty_fleet_and_its_reasons(tmp_path: Path) -> None:
    log = tmp_path / "storm.log"
    ended = await storm(log)
    told = log.read_text()
    assert ended == 0, told
    assert "4 of 4 copies equal their image, byte by byte" in told
    assert "Pretended: the XenServer hosts" in told
    lives = defaultdict(list)
    for decided, vm_id, _ in DECIDED.findall(told):
        lives[vm_id].append(decided)
    assert lives, told
    assert {life[-1] for life in lives.values()} == {"gone"}, told
    served = [life[life.index("offer") :] for life in lives.values() if "offer" in life]
    assert served, told
    assert all({"drain", "destroy"} & set(life) for life in served), told
