"""Memory stays constant, whatever the size of the image."""

from __future__ import annotations

import gzip
from pathlib import Path

import aiohttp
from stowage_contracts.messages.hypervisor_agent import (
    ExecuteHop,
    HopFinished,
    HostJoined,
    ObjectInspected,
)
from stowage_contracts.messages.image_store import GrantRedeemed
from stowage_contracts.values import ImageFormat

from tests.failure.agent.processes import Doorway, Spawn
from tests.integration.hypervisor_agent.cloud import Cloud, Redeem, link_token, pool_end, url_end
from tests.integration.hypervisor_agent.kit import LOOPBACK, MIB, file_grant, noise, url_grant
from tests.integration.hypervisor_agent.source_server import Source, serving

PEAK_MIB = 128
WITH_EVERYTHING_MIB = 192
"""With chunks of what is unpacked, and the door's own buffers."""


class Repeated:
    """Many times the same bytes, without holding them."""

    def __init__(self, unit: bytes, times: int) -> None:
        self._unit, self._times = unit, times

    def __len__(self) -> int:
        return len(self._unit) * self._times

    def __getitem__(self, asked: slice) -> bytes:
        start, stop, _ = asked.indices(len(self))
        at = start % len(self._unit)
        return (self._unit * 2)[at : at + stop - start]


async def test_a_gigabyte_in_three_hops_at_once_stays_below_the_bound(
    cloud: Cloud, spawn: Spawn, pool: Path
) -> None:
    data = Repeated(noise(MIB), 400)
    async with serving(Source(data)) as source:  # type: ignore[arg-type]
        cloud.grants["read"] = lambda _: GrantRedeemed(
            grant_id="read", grant=url_grant(source.url), rules=LOOPBACK
        )
        agent = spawn(pool)
        for number in range(3):
            end = pool_end(pool, f"v{number}")
            order = cloud.order(cloud.grants["read"], end, hop_id=f"hop-{number}")
            await cloud.send(order)
        for number in range(3):
            finished = await cloud.heard(HopFinished, number + 1)
            assert finished.error is None
        peak = agent.peak_mib
    assert peak < PEAK_MIB


def _answering(answer: GrantRedeemed) -> Redeem:
    return lambda _: answer


async def test_streams_unpacking_full_reads_and_links_stay_below_theirs(
    cloud: Cloud, spawn: Spawn, pool: Path
) -> None:
    plain = Repeated(noise(MIB), 400)
    packed = Repeated(gzip.compress(noise(MIB), 1), 300)
    (pool / "image").write_bytes(noise(300 * MIB))
    stored = GrantRedeemed(grant_id="link", grant=file_grant(pool / "image"))
    door = Doorway()
    async with (
        serving(Source(plain, chunked=True, ranged=False)) as stream,  # type: ignore[arg-type]
        serving(Source(packed)) as archive,  # type: ignore[arg-type]
    ):
        agent = spawn(pool, **door.settings)
        await cloud.heard(HostJoined)
        for number, source in enumerate((stream, archive)):
            await cloud.send(_order(cloud, pool, number, source))
        cloud.grants["link"] = cloud.grants["read"] = _answering(stored)
        await cloud.send(cloud.inspection(ImageFormat.RAW, read_all=True))
        length = await _downloaded(f"{door.base}/o/{link_token(cloud)}")
        for number in range(2):
            finished = await cloud.heard(HopFinished, number + 1)
            assert finished.error is None
        read_all = await cloud.heard(ObjectInspected)
        peak = agent.peak_mib
    assert read_all.size == length == 300 * MIB
    assert peak < WITH_EVERYTHING_MIB


def _order(cloud: Cloud, pool: Path, number: int, source: Source) -> ExecuteHop:
    read = GrantRedeemed(grant_id=f"read-{number}", grant=url_grant(source.url), rules=LOOPBACK)
    cloud.grants[f"read-{number}"] = _answering(read)
    end = url_end()
    ref = end.grant.model_copy(update={"id": f"read-{number}"})
    return cloud.order(
        _answering(read),
        pool_end(pool, f"v{number}"),
        hop_id=f"hop-{number}",
        source=end.model_copy(update={"grant": ref}),
    )


async def _downloaded(url: str) -> int:
    length = 0
    async with aiohttp.ClientSession() as http, http.get(url) as answer:
        while piece := await answer.content.read(MIB):
            length += len(piece)
    return length
