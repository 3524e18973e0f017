"""An agent dies in mid-copy; the next one finishes, and sends again only what was in flight."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from hypervisor_agent.engine.ranges import merge
from hypervisor_agent.engine.streams import HEAD
from hypervisor_agent.transports.journal import load, sidecar
from hypervisor_agent.transports.part_writer import JOURNAL_STEP, MOST_BEHIND
from stowage_contracts.messages.data_motion import HopCommitted
from stowage_contracts.messages.hypervisor_agent import HopFinished, HopProgressed, HostJoined
from stowage_contracts.messages.image_store import GrantRedeemed

from tests.failure.agent.processes import Spawn
from tests.integration.hypervisor_agent.cloud import Cloud, commit, pool_end
from tests.integration.hypervisor_agent.kit import LOOPBACK, MIB, noise, tree_digest, url_grant
from tests.integration.hypervisor_agent.source_server import Source, serving

STEPS = ("redeemed", "opened", "copied", "judged", "finished")


def reads(source: Source) -> GrantRedeemed:
    """What the owner of the URL answers."""
    return GrantRedeemed(grant_id="read", grant=url_grant(source.url), rules=LOOPBACK)


async def test_bytes_sent_again_are_at_most_those_in_flight(
    cloud: Cloud, spawn: Spawn, pool: Path
) -> None:
    data = noise(4 * JOURNAL_STEP + 5)
    source = Source(data, stalls_at=3 * JOURNAL_STEP + 40 * MIB)
    part = pool / ".stowage" / "hop-1.1.part"
    async with serving(source):
        first = spawn(pool)
        order = cloud.order(lambda _: reads(source), pool_end(pool), stall_seconds=60)
        await cloud.send(order)
        journaled = await _journaled(part, len(data), source.etag, 2 * JOURNAL_STEP)
        moved = await cloud.heard(
            HopProgressed, fits=lambda p: p.transfer.bytes_done >= 3 * JOURNAL_STEP
        )
        first.kill()
        journaled = sum(r.length for r in load(part, len(data), source.etag))
        source.stalls_at, source.sent = None, 0
        spawn(pool)
        again = cloud.order(lambda _: reads(source), pool_end(pool), epoch=2)
        await cloud.send(again)
        finished = await cloud.heard(HopFinished)
        await cloud.send(commit(again, finished))
        await cloud.heard(HopCommitted)
    assert finished.receipt is not None
    assert finished.receipt.digest == tree_digest(data)
    assert finished.receipt.bytes_sent == len(data) - journaled
    assert moved.transfer.bytes_done - journaled <= MOST_BEHIND
    assert source.sent <= len(data) - journaled + HEAD + 1
    assert (pool / "volumes" / "v1").read_bytes() == data


@pytest.mark.parametrize("step", STEPS)
async def test_a_death_at_any_step_is_finished_by_the_next(
    cloud: Cloud, spawn: Spawn, pool: Path, step: str
) -> None:
    data = noise(20 * MIB)
    async with serving(Source(data)) as source:
        deadly = json.dumps({"faults": {"crash_at": step}})
        dying = spawn(pool, STOWAGE_AGENT_OPTIONS=deadly)
        await cloud.send(cloud.order(lambda _: reads(source), pool_end(pool)))
        assert await asyncio.to_thread(dying.wait) == 137
        spawn(pool)
        order = cloud.order(lambda _: reads(source), pool_end(pool), epoch=2)
        await cloud.send(order)
        finished = await cloud.heard(HopFinished, fits=lambda m: m.epoch == 2)
        await cloud.send(commit(order, finished))
        await cloud.heard(HopCommitted)
    assert (pool / "volumes" / "v1").read_bytes() == data
    assert not list((pool / ".stowage").glob("*.part*"))


@pytest.mark.parametrize("step", ["committing", "committed"])
async def test_a_death_around_the_commit_commits_once(
    cloud: Cloud, spawn: Spawn, pool: Path, step: str
) -> None:
    data = noise(20 * MIB)
    async with serving(Source(data)) as source:
        dying = spawn(pool, STOWAGE_AGENT_OPTIONS=json.dumps({"faults": {"crash_at": step}}))
        order = cloud.order(lambda _: reads(source), pool_end(pool))
        await cloud.send(order)
        finished = await cloud.heard(HopFinished)
        await cloud.send(commit(order, finished))
        assert await asyncio.to_thread(dying.wait) == 137
        spawn(pool)
        await cloud.send(commit(order, finished))
        await cloud.heard(HopCommitted)
    assert (pool / "volumes" / "v1").read_bytes() == data
    assert not list((pool / ".stowage").glob("*.part*"))


async def test_sigterm_hands_the_hop_back_and_ends_in_order(
    cloud: Cloud, spawn: Spawn, pool: Path
) -> None:
    data = noise(20 * MIB)
    async with serving(Source(data, stalls_at=len(data) - 1)) as source:
        agent = spawn(pool)
        await cloud.heard(HostJoined)
        order = cloud.order(lambda _: reads(source), pool_end(pool), stall_seconds=60)
        await cloud.send(order)
        await cloud.heard(HopProgressed, fits=lambda p: p.transfer.bytes_done > 8 * MIB)
        status = await asyncio.to_thread(agent.stop)
        handed = await cloud.heard(HopFinished)
    assert status == 0
    assert handed.error is not None
    assert handed.error.code == "unavailable.agent_stopped"
    assert sidecar(pool / ".stowage" / "hop-1.1.part").exists()


async def _journaled(part: Path, size: int, validator: str, wanted: int) -> int:
    """Wait until so many bytes are journaled; how many are."""
    async with asyncio.timeout(40):
        while True:
            ranges = merge(load(part, size, validator))
            if (found := sum(r.length for r in ranges)) >= wanted:
                return found
            await asyncio.sleep(0.02)
