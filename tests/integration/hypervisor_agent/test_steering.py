"""Hops that are slowed down and handed over while they move."""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path

import pytest
from stowage_contracts.messages.hypervisor_agent import (
    ExecuteHop,
    HopFinished,
    HopProgressed,
    HopYielded,
    SteerHop,
)
from stowage_contracts.messages.image_store import GrantRedeemed
from stowage_runtime.bus import Bus

from tests.integration.hypervisor_agent.cloud import Cloud, make_agent, pool_end, running
from tests.integration.hypervisor_agent.kit import LOOPBACK, MIB, noise, url_grant
from tests.integration.hypervisor_agent.source_server import Source, serving

DATA = noise(40 * MIB + 7)
MIDDLE = 22 * MIB


def reads(source: Source) -> GrantRedeemed:
    """What the owner of a URL answers."""
    return GrantRedeemed(grant_id="read", grant=url_grant(source.url), rules=LOOPBACK)


def steer(order: ExecuteHop, **how: object) -> SteerHop:
    facts = {"hop_id": order.hop_id, "host_id": order.host_id, "epoch": order.epoch}
    return SteerHop.model_validate({**facts, **how})


def held(yielded: HopYielded) -> int:
    return sum(part.length for part in yielded.journaled)


@pytest.mark.parametrize("checksum", [None, "sha256:" + hashlib.sha256(DATA).hexdigest()])
async def test_a_hop_that_yields_goes_on_from_its_journal_under_the_next_epoch(
    cloud: Cloud, agent_bus: Bus, pool: Path, checksum: str | None
) -> None:
    stalled = Source(DATA, stalls_at=MIDDLE)
    async with serving(stalled) as source, running(make_agent(cloud, agent_bus, pool)):
        order = cloud.order(lambda _: reads(source), pool_end(pool), checksum=checksum)
        await cloud.send(order)
        await cloud.heard(HopProgressed, fits=lambda said: bool(said.journaled))
        await cloud.send(steer(order, yields=True))
        yielded = await cloud.heard(HopYielded)
        source.stalls_at, before = None, source.sent
        await cloud.send(cloud.order(lambda _: reads(source), pool_end(pool), epoch=2))
        finished = await cloud.heard(HopFinished)
    assert (yielded.epoch, finished.epoch) == (1, 2)
    assert finished.receipt is not None
    assert 0 < held(yielded) < len(DATA)
    assert source.sent - before <= len(DATA) - held(yielded) + MIB


async def test_a_hop_is_slowed_down_and_let_go_while_it_moves(
    cloud: Cloud, agent_bus: Bus, pool: Path
) -> None:
    async with serving(Source(DATA)) as source, running(make_agent(cloud, agent_bus, pool)):
        order = cloud.order(lambda _: reads(source), pool_end(pool), bytes_per_second=256 * 1024)
        await cloud.send(order)
        await source.reached(256 * 1024)
        await cloud.heard(HopProgressed, 3)
        assert source.sent < len(DATA) // 2
        await cloud.send(steer(order, bytes_per_second=None))
        finished = await cloud.heard(HopFinished)
    assert finished.receipt is not None
    assert finished.receipt.size == len(DATA)


async def test_a_fast_hop_slows_down_in_the_middle_of_its_reads(
    cloud: Cloud, agent_bus: Bus, pool: Path
) -> None:
    stalled = Source(DATA, stalls_at=8 * MIB)
    async with serving(stalled) as source, running(make_agent(cloud, agent_bus, pool)):
        order = cloud.order(lambda _: reads(source), pool_end(pool))
        await cloud.send(order)
        await cloud.heard(HopProgressed, fits=lambda said: said.transfer.phase == "copying")
        await cloud.send(steer(order, bytes_per_second=256 * 1024))
        await cloud.send(steer(order, bytes_per_second=256 * 1024, yields=True))
        yielded = await cloud.heard(HopYielded)
    assert held(yielded) < len(DATA)


async def test_a_hop_that_has_not_begun_yields_at_once(
    cloud: Cloud, agent_bus: Bus, pool: Path
) -> None:
    never = asyncio.Event()

    async def unanswered(_: object) -> GrantRedeemed:
        await never.wait()
        raise AssertionError

    async with running(make_agent(cloud, agent_bus, pool)):
        order = cloud.order(unanswered, pool_end(pool))
        await cloud.send(order)
        await cloud.heard(HopProgressed)
        await cloud.send(steer(order, yields=True))
        assert (await cloud.heard(HopYielded)).journaled == ()
        await cloud.send(steer(order, yields=True))
        assert (await cloud.heard(HopYielded, 2)).epoch == order.epoch
        never.set()


async def test_orders_for_another_epoch_are_not_heard(
    cloud: Cloud, agent_bus: Bus, pool: Path
) -> None:
    stalled = Source(DATA, stalls_at=MIDDLE)
    async with serving(stalled) as source, running(make_agent(cloud, agent_bus, pool)):
        order = cloud.order(lambda _: reads(source), pool_end(pool), epoch=3)
        await cloud.send(order)
        await cloud.heard(HopProgressed, fits=lambda said: said.transfer.phase == "copying")
        for epoch in (2, 4):
            await cloud.send(steer(order, epoch=epoch, yields=True))
        source.stalls_at = None
        assert (await cloud.heard(HopFinished)).receipt is not None
    assert not [said for said in cloud.said if isinstance(said, HopYielded)]
