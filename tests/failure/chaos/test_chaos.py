"""One world, broken again and again: by seeds, and in the ways an operator will meet first."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from random import Random
from typing import Any

import pytest
import pytest_asyncio

from tests.conftest import Servers
from tests.e2e.operator import Operator
from tests.e2e.sources import MIB, Source, image, serving
from tests.failure.chaos.facts import Facts
from tests.failure.chaos.faults import Log
from tests.failure.chaos.judge import IN_FLIGHT, Judge
from tests.failure.chaos.run import run
from tests.failure.chaos.user import User
from tests.failure.chaos.world import World, built
from tests.images.honest import qemu_img
from tests.servers.s3 import S3Server

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(400), pytest.mark.slow]
SEEDS = (93, 110)
"""A few that have much in them; `make chaos` runs as many as one likes."""
AWAY_SECONDS = 5


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(
    tmp_path_factory: pytest.TempPathFactory, servers: Servers, s3_server: S3Server
) -> AsyncIterator[World]:
    folder: Path = tmp_path_factory.mktemp("chaos")
    async with built(folder, servers, s3_server) as world:
        yield world


@pytest.mark.parametrize("seed", SEEDS)
async def test_every_invariant_holds(world: World, seed: int) -> None:
    verdict = await run(world, seed)
    assert not verdict.broken, str(verdict)


async def test_the_judge_sees_a_stray_file_and_a_flipped_byte(world: World) -> None:
    stray = world.folder / "s1" / "template" / "stray.part"
    (base,) = (world.folder / "s1" / "template").rglob("base.raw")
    stray.write_bytes(b"nobody's")
    base.write_bytes(bytes([world.base[0] ^ 1]) + world.base[1:])
    async with AsyncExitStack() as sources:
        judge = Judge(world, User(world, Log(), sources), Log(), patience=6)
        await judge.look()
    stray.unlink()
    base.write_bytes(world.base)
    assert any("stray.part" in told for told in judge.broken), judge.broken
    assert any("other bytes" in told for told in judge.broken), judge.broken


async def test_another_host_finishes_what_a_lost_one_had_to_seventy_per_cent(
    world: World, tmp_path: Path
) -> None:
    """A disk of 20 GiB; bytes sent again are those in flight, and the timeline tells it."""
    content = _disk(tmp_path)
    async with _begun(world.operator, content, 0.7, format="qcow2", store_ids=["rgw"]) as begun:
        source, made = begun
        (hop,) = (await world.operator.call("GET", f"copies/{made['copy_id']}"))["hops"]
        await world.deployment.kill(f"agent:{hop['host_id']}")
        source.bytes_per_second = 0
        copy = await world.operator.settle(f"copies/{made['copy_id']}")
    await world.deployment.launch(f"agent:{hop['host_id']}")
    assert copy["state"] == "done", copy["error"]
    assert copy["hops"][0]["host_id"] != hop["host_id"]
    (receipt,) = await Facts(world).rows(f"""
        SELECT receipt FROM data_motion.hops WHERE copy_id = '{made["copy_id"]}'""")
    assert receipt["receipt"]["bytes_sent"] <= len(content) * 0.3 + IN_FLIGHT
    told = [(moment["what"], moment["text"]) for moment in copy["timeline"]]
    words = [what for what, _ in told]
    assert words[:2] == ["requested", "planned"]
    assert words[-3:] == ["verified", "committed", "done"]
    lost = next(text for what, text in told if what == "lost")
    assert hop["host_id"] in lost
    assert "% journaled" in lost
    moved = [text for what, text in told if what == "moving"]
    assert moved[0].endswith(hop["host_id"])
    assert moved[-1].endswith(copy["hops"][0]["host_id"])
    template = await world.operator.settle(f"templates/{made['id']}")
    assert template["ready"], template["error"]
    assert template["virtual_size"] == 20 << 30
    await _is_stored(world, made["id"], content)
    await world.deployment.ready(f"agent:{hop['host_id']}")


async def test_a_broker_that_is_away_costs_no_copy_and_no_request(world: World) -> None:
    content = image(24 * MIB, seed=71)
    async with _begun(world.operator, content, 0.5) as (source, made):
        await asyncio.to_thread(world.broker.stop)
        accepted = await world.operator.register("http://10.255.255.1/late", name="later")
        for _ in range(AWAY_SECONDS):
            shown = await world.operator.call("GET", f"templates/{made['id']}")
            assert shown["id"] == made["id"]
            await asyncio.sleep(1)
        await asyncio.to_thread(world.broker.start)
        source.bytes_per_second = 0
        template = await _ended(world.operator, f"templates/{made['id']}")
    assert template["ready"], template["error"]
    await _is_stored(world, made["id"], content)
    later = await _ended(world.operator, f"templates/{accepted['id']}")
    assert later["error"]["code"].startswith("source."), (
        "it was carried out when the broker was back"
    )


async def test_a_cancel_at_the_half_leaves_nothing_on_the_store(world: World) -> None:
    content = image(32 * MIB, seed=81)
    async with _begun(world.operator, content, 0.6, store_ids=["rgw"]) as (_, made):
        assert await _uploads(world)
        await world.operator.call("POST", f"copies/{made['copy_id']}/cancel")
        copy = await world.operator.settle(f"copies/{made['copy_id']}")
    assert copy["state"] == "cancelled"
    async with asyncio.timeout(30):
        while await _uploads(world):
            await asyncio.sleep(0.1)
    assert not (await world.operator.settle(f"templates/{made['id']}"))["ready"]
    async with world.s3.client() as s3:
        page = await s3.list_objects_v2(Bucket=world.bucket)
    assert made["id"] not in str(page.get("Contents", []))


async def test_a_store_removed_in_mid_copy_ends_the_copy_with_that_reason(world: World) -> None:
    await world.operator.directory_store("s9")
    content = image(24 * MIB, seed=83)
    async with _begun(world.operator, content, 0.5, store_ids=["s9"]) as (_, made):
        await world.operator.call("DELETE", "stores/s9")
        template = await _ended(world.operator, f"templates/{made['id']}")
    assert template["error"]["code"] == "conflict.store_removed"
    assert template["error"]["resource"] == "store/s9"
    copy = await world.operator.settle(f"copies/{made['copy_id']}")
    assert copy["state"] == "failed"
    assert copy["error"]["code"]


@asynccontextmanager
async def _begun(
    operator: Operator, content: bytes, share: float, **changes: Any
) -> AsyncIterator[tuple[Source, dict[str, Any]]]:
    """A registration whose source has sent that share of its bytes."""
    async with serving(Source(content, bytes_per_second=len(content) / 16)) as source:
        made = await operator.register(source.url, checksum=source.sha256, **changes)
        async with asyncio.timeout(90):
            while source.sent < share * len(content):
                await asyncio.sleep(0.02)
        yield source, made


async def _ended(operator: Operator, path: str) -> dict[str, Any]:
    """A template that is ready or has failed; its services may be catching up."""
    async with asyncio.timeout(120):
        while True:
            found = await operator.settle(path, seconds=10)
            if found["ready"] or found["error"]:
                return found


async def _uploads(world: World) -> list[Any]:
    async with world.s3.client() as s3:
        found = await s3.list_multipart_uploads(Bucket=world.bucket)
    return list(found.get("Uploads", []))


async def _is_stored(world: World, template_id: str, content: bytes) -> None:
    facts = Facts(world)
    (ref,) = await facts.rows(f"""
        SELECT store_id, install_path FROM image_store.object_store_ref
        WHERE object_id = '{template_id}' AND state = 'Ready'""")
    assert await facts.content(ref["store_id"], ref["install_path"]) == content


def _disk(folder: Path) -> bytes:
    """20 GiB, of which 160 MiB were ever written, as qemu-img keeps it."""
    raw, disk, chance = folder / "disk.raw", folder / "disk.qcow2", Random(7)
    with raw.open("wb") as file:
        file.truncate(20 << 30)
        for number in range(160):
            file.seek(number * 128 * MIB)
            file.write(chance.randbytes(MIB))
    qemu_img("convert", "-f", "raw", "-O", "qcow2", raw, disk)
    return disk.read_bytes()
