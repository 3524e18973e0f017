"""The broker goes away in mid-copy: bytes move on, and the report comes when it is back."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from hypervisor_agent.engine.ranges import covers
from hypervisor_agent.transports.journal import load
from pydantic import SecretStr
from stowage_contracts.messages.hypervisor_agent import HopFinished, HopProgressed, HostJoined
from stowage_contracts.messages.image_store import GrantRedeemed
from stowage_contracts.values import Range
from yarl import URL

from tests.failure.agent.processes import Spawn
from tests.integration.hypervisor_agent.cloud import Cloud, pool_end
from tests.integration.hypervisor_agent.kit import LOOPBACK, MIB, noise, tree_digest, url_grant
from tests.integration.hypervisor_agent.source_server import Source, serving
from tests.servers.proxy import Proxy

NOTICED_SECONDS = 0.5
"""An agent looks five times in each heartbeat whether it is connected: 0.04 s here."""


@pytest.fixture
def direct_url(amqp_url: SecretStr) -> URL:
    """The agent's own broker URL."""
    return URL(amqp_url.get_secret_value())


async def test_a_cut_connection_costs_neither_the_copy_nor_the_report(
    cloud: Cloud, spawn: Spawn, pool: Path, direct_url: URL
) -> None:
    data = noise(24 * MIB)
    source = Source(data, stalls_at=20 * MIB)
    part = pool / ".stowage" / "hop-1.1.part"
    assert direct_url.host
    assert direct_url.port
    async with serving(source), Proxy(direct_url.host, direct_url.port) as proxy:
        spawn(pool, amqp_url=str(direct_url.with_port(proxy.port)))
        await cloud.send(cloud.order(lambda _: reads(source), pool_end(pool), stall_seconds=60))
        await cloud.heard(HopProgressed, fits=lambda p: p.transfer.bytes_done > 8 * MIB)
        await proxy.cut()
        source.stalls_at = None
        async with asyncio.timeout(30):
            while not covers(load(part, len(data), source.etag), Range(offset=0, length=24 * MIB)):
                await asyncio.sleep(0.02)
        assert not [said for said in cloud.said if isinstance(said, HopFinished)]
        await asyncio.sleep(NOTICED_SECONDS)
        await proxy.restore()
        finished = await cloud.heard(HopFinished)
        await cloud.heard(HostJoined, 2)
    assert finished.receipt is not None
    assert finished.receipt.digest == tree_digest(data)


def reads(source: Source) -> GrantRedeemed:
    """What the owner of the URL answers."""
    return GrantRedeemed(grant_id="read", grant=url_grant(source.url), rules=LOOPBACK)
