"""Inspections that read every stored byte."""

from __future__ import annotations

import hashlib
from pathlib import Path

from stowage_contracts.messages.hypervisor_agent import HopFinished, ObjectInspected
from stowage_contracts.messages.image_store import GrantRedeemed
from stowage_contracts.values import ImageFormat
from stowage_runtime.bus import Bus

from tests.integration.hypervisor_agent.cloud import Cloud, make_agent, pool_end, running
from tests.integration.hypervisor_agent.kit import (
    LOOPBACK,
    MIB,
    file_grant,
    noise,
    tree_digest,
    url_grant,
)
from tests.integration.hypervisor_agent.source_server import Source, serving

DATA = noise(20 * MIB + 7)
MD5 = f"md5:{hashlib.md5(DATA).hexdigest()}"


def reads(source: Source) -> GrantRedeemed:
    return GrantRedeemed(grant_id="read", grant=url_grant(source.url), rules=LOOPBACK)


async def test_one_report_holds_size_digests_and_verdict(
    cloud: Cloud, agent_bus: Bus, pool: Path
) -> None:
    async with serving(Source(DATA)) as source, running(make_agent(cloud, agent_bus, pool)):
        cloud.grants["read"] = lambda _: reads(source)
        await cloud.send(cloud.inspection(ImageFormat.RAW, read_all=True, checksum=MD5))
        said = await cloud.heard(ObjectInspected)
    assert (said.size, said.digest, said.linear) == (len(DATA), tree_digest(DATA), MD5)
    assert said.verdict is not None
    assert said.verdict.accepted


async def test_what_the_gate_refuses_is_read_all_the_same(
    cloud: Cloud, agent_bus: Bus, pool: Path
) -> None:
    async with serving(Source(DATA)) as source, running(make_agent(cloud, agent_bus, pool)):
        cloud.grants["read"] = lambda _: reads(source)
        await cloud.send(cloud.inspection(ImageFormat.QCOW2, read_all=True))
        said = await cloud.heard(ObjectInspected)
    assert said.verdict is not None
    assert said.verdict.code == "image.format_mismatch"
    assert said.digest == tree_digest(DATA)


async def test_holes_of_a_file_are_hashed_and_not_read(
    cloud: Cloud, agent_bus: Bus, pool: Path
) -> None:
    image = pool / "image"
    with image.open("wb") as file:
        file.truncate(64 * MIB)
        file.seek(32 * MIB)
        file.write(DATA)
    async with running(make_agent(cloud, agent_bus, pool)):
        cloud.grants["read"] = lambda _: GrantRedeemed(grant_id="read", grant=file_grant(image))
        await cloud.send(cloud.inspection(ImageFormat.RAW, read_all=True))
        said = await cloud.heard(ObjectInspected)
    assert said.digest == tree_digest(image.read_bytes())


async def test_an_object_that_changes_while_it_is_read_is_no_digest(
    cloud: Cloud, agent_bus: Bus, pool: Path
) -> None:
    async with (
        serving(Source(DATA * 4, stalls_at=10 * MIB)) as source,
        running(make_agent(cloud, agent_bus, pool)),
    ):
        cloud.grants["read"] = lambda _: reads(source)
        await cloud.send(cloud.inspection(ImageFormat.RAW, read_all=True))
        await source.reached(8 * MIB)
        source.etag, source.stalls_at = '"two"', None
        said = await cloud.heard(ObjectInspected)
    assert said.error is not None
    assert said.error.code == "source_changed"
    assert said.digest is None


async def test_hops_and_other_inspections_pass_a_full_read(
    cloud: Cloud, agent_bus: Bus, pool: Path
) -> None:
    slow = Source(DATA, stalls_at=10 * MIB)
    async with (
        serving(slow),
        serving(Source(DATA)) as quick,
        running(make_agent(cloud, agent_bus, pool)),
    ):
        cloud.grants["read"] = lambda _: reads(slow)
        for number in range(5):
            asked = cloud.inspection(ImageFormat.RAW, read_all=True, inspection_id=f"read-{number}")
            await cloud.send(asked)
        await slow.reached(8 * MIB)
        order = cloud.order(lambda _: reads(quick), pool_end(pool))
        await cloud.send(order)
        finished = await cloud.heard(HopFinished)
        await cloud.send(cloud.inspection(ImageFormat.RAW))
        passed = await cloud.heard(ObjectInspected)
        slow.stalls_at = None
    assert finished.receipt is not None
    assert passed.digest is None
