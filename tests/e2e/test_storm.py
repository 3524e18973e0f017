"""A newcomer's storm: one command, VMs that come and go, every byte right, every reason told."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.timeout(240), pytest.mark.slow]
REPOSITORY = Path(__file__).parents[2]


async def test_a_storm_ends_with_an_empty_fleet_and_its_reasons() -> None:
    argv = ["-m", "examples.storm", "--hosts", "2", "--images", "2", "--mib", "4"]
    storm = await asyncio.create_subprocess_exec(
        sys.executable,
        *argv,
        cwd=REPOSITORY,
        env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        async with asyncio.timeout(200):
            out, _ = await storm.communicate()
    finally:
        if storm.returncode is None:
            storm.terminate()
            await storm.wait()
    told = out.decode()
    assert storm.returncode == 0, told
    assert "4 of 4 copies equal their image, byte by byte" in told
    assert "Pretended: the XenServer hosts" in told
    for decided in ("spawn", "offer", "drain", "destroy", "gone"):
        assert decided in told
