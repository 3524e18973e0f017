"""A cache over the real bus: filled by an agent, shared by instances, swept when forgotten."""

import asyncio
from typing import Any

import pytest
from stowage_contracts.errors import GrantRefused, NotFound
from stowage_contracts.messages.cache_autoscaler import CacheLoadHigh, CacheLoadLow
from stowage_contracts.messages.data_motion import HopCommitted
from stowage_contracts.testing.store_hand import bytes_of

from tests.integration.cache_autoscaler.peers import Cloud
from tests.servers.s3 import S3Server

DATA = bytes_of(1_000_000)


async def test_an_agent_fills_a_cache_and_another_copy_reads_it(start: Any, cloud: Cloud) -> None:
    async with start():
        await cloud.add()
        reply = await cloud.reserve("c1", DATA)
        assert reply.answer == "fill"
        assert (await cloud.reserve("c2", DATA)).answer == "wait"
        await cloud.write(reply, DATA)
        await cloud.commit(reply, DATA)
        assert (await cloud.until(HopCommitted)).copy_id == "c1"
        other = await cloud.reserve("c2", DATA)
        assert other.answer == "ready"
        assert await cloud.read(other) == DATA


async def test_a_bucket_serves_as_a_cache(
    start: Any, cloud: Cloud, s3_server: S3Server, s3_bucket: str
) -> None:
    data = bytes_of((8 << 20) + 5)
    async with start():
        await cloud.add_bucket(s3_server, s3_bucket)
        reply = await cloud.reserve("c1", data)
        assert reply.source is not None
        assert reply.source.schemes == ("http",)
        grant = await cloud.write(reply, data)
        assert [part.size for part in grant.done] == [8 << 20, 5]
        await cloud.commit(reply, data)
        await cloud.until(HopCommitted)
        assert await cloud.read(reply) == data


async def test_two_instances_promise_a_fill_to_one_copy_only(start: Any, cloud: Cloud) -> None:
    async with start(), start():
        await cloud.add()
        replies = await asyncio.gather(*(cloud.reserve(f"c{n}", DATA) for n in range(20)))
        assert sorted(reply.answer for reply in replies) == ["fill"] + ["wait"] * 19


async def test_a_commit_sent_while_it_was_away_is_done_when_it_is_back(
    start: Any, cloud: Cloud
) -> None:
    async with start():
        await cloud.add()
        reply = await cloud.reserve("c1", DATA)
        await cloud.write(reply, DATA)
    for _ in range(2):
        await cloud.commit(reply, DATA)
    async with start():
        await cloud.until(HopCommitted)
        assert await cloud.read(reply) == DATA
        await cloud.commit(reply, DATA)
        await cloud.until(HopCommitted, 2)


async def test_a_fill_lives_by_its_copys_progress_and_is_swept_without(
    start: Any, cloud: Cloud
) -> None:
    async with start():
        await cloud.add()
        reply = await cloud.reserve("c1", DATA)
        await cloud.write(reply, DATA)
        for _ in range(4):
            await asyncio.sleep(2)
            await cloud.progress("c1")
        await cloud.redeem(reply, reply.destination, len(DATA))
        async with asyncio.timeout(30):
            while cloud.files():
                await asyncio.sleep(0.1)
        with pytest.raises((NotFound, GrantRefused)):
            await cloud.redeem(reply, reply.destination, len(DATA))
        assert (await cloud.reserve("c2", DATA)).answer == "fill"


async def test_crossing_a_mark_is_published_once(start: Any, cloud: Cloud) -> None:
    async with start():
        await cloud.add()
        await cloud.load(200e6, 8)
        high = await cloud.until(CacheLoadHigh)
        assert high.desired.count == 2
        await cloud.load(1e6, 1)
        await cloud.until(CacheLoadLow)
        kinds = [type(message).__name__ for message in cloud.heard]
        assert (kinds.count("CacheLoadHigh"), kinds.count("CacheLoadLow")) == (1, 1)
