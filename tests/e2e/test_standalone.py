"""stowage standalone: one process, one JSON line, and it goes on where it was killed."""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path

import psutil
import pytest

from tests.e2e.alone import started
from tests.e2e.sources import MIB, Source, image, serving

pytestmark = [pytest.mark.timeout(180), pytest.mark.slow]


def postgres_of(folder: Path) -> list[int]:
    """Processes of the embedded database."""
    return [
        found.pid
        for found in psutil.process_iter(["cmdline"])
        if str(folder) in " ".join(found.info["cmdline"] or [])
    ]


async def test_it_tells_where_it_is_and_stops_cleanly_on_sigterm(tmp_path: Path) -> None:
    data = tmp_path / "data"
    async with started(data) as standalone:
        assert set(standalone.facts) == {"url", "api_key", "secret_key"}
        stores = (await standalone.call("GET", "stores"))["items"]
        assert {store["id"]: store["state"] for store in stores} == {
            "store-1": "Up",
            "pool-1": "Up",
        }
        assert await standalone.stop(signal.SIGTERM) == 0
    assert postgres_of(data) == []
    assert {p.stat().st_mode & 0o777 for p in (data / "secrets").iterdir()} == {0o600}


async def test_a_second_one_on_the_same_folder_is_refused_in_one_line(tmp_path: Path) -> None:
    data = tmp_path / "data"
    async with started(data):
        second = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "standalone",
            "--port",
            "0",
            "--data",
            data,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
        async with asyncio.timeout(60):
            _, said = await second.communicate()
    assert second.returncode == 1
    assert said.decode().startswith("conflict.in_use")


async def test_killed_in_mid_copy_it_goes_on_after_its_restart(tmp_path: Path) -> None:
    data = tmp_path / "data"
    async with serving(Source(image(48 * MIB), bytes_per_second=8 * MIB)) as source:
        async with started(data) as standalone:
            body = {
                "name": "disk",
                "url": source.url,
                "format": "raw",
                "zone_id": "zone-1",
                "checksum": source.sha256,
            }
            made = await standalone.call("POST", "templates", body)
            async with asyncio.timeout(60):
                while source.sent < 24 * MIB:
                    await asyncio.sleep(0.02)
            await standalone.stop(signal.SIGKILL)
        source.bytes_per_second = 0
        async with started(data) as standalone:
            template = await standalone.call("GET", f"templates/{made['id']}?wait=60")
            assert template["ready"], template["error"]
            copy = await standalone.call("GET", f"copies/{made['copy_id']}")
            assert copy["state"] == "done"
            assert await standalone.stop(signal.SIGTERM) == 0
    (stored,) = (data / "image-store" / "template").rglob(f"{made['id']}.raw")
    assert stored.read_bytes() == source.content
    assert postgres_of(data) == []
