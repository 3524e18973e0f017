"""Memory stays constant, whatever the size of the image."""

from __future__ import annotations

from pathlib import Path

from stowage_contracts.messages.hypervisor_agent import HopFinished
from stowage_contracts.messages.image_store import GrantRedeemed

from tests.failure.agent.processes import Spawn
from tests.integration.hypervisor_agent.cloud import Cloud, pool_end
from tests.integration.hypervisor_agent.kit import LOOPBACK, MIB, noise, url_grant
from tests.integration.hypervisor_agent.source_server import Source, serving

PEAK_MIB = 160


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
