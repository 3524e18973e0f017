"""Orders an agent must not believe, and those it must not carry out twice."""

from collections.abc import Callable
from pathlib import Path

import pytest
from stowage_contracts.envelope import Envelope
from stowage_contracts.messages.hypervisor_agent import ExecuteHop, HopFinished, HostJoined
from stowage_contracts.topology import agent_address
from stowage_runtime.bus import Bus

from tests.integration.hypervisor_agent.cloud import HOST, Cloud, make_agent, pool_end, running
from tests.integration.hypervisor_agent.source_server import Source, serving
from tests.integration.hypervisor_agent.test_agent import reads

DATA = bytes(range(256)) * 4096
Forge = Callable[[Cloud, ExecuteHop], Envelope]


def _unsealed(cloud: Cloud, order: ExecuteHop) -> Envelope:
    return cloud.sealed(order).model_copy(update={"seal": ""})


def _by_a_stranger(cloud: Cloud, order: ExecuteHop) -> Envelope:
    return Cloud(cloud.bus).sealed(order)


def _for_another_host(cloud: Cloud, order: ExecuteHop) -> Envelope:
    return cloud.sealed(order, "host-2")


def _changed(cloud: Cloud, order: ExecuteHop) -> Envelope:
    sealed = cloud.sealed(order)
    return sealed.model_copy(update={"data": {**sealed.data, "epoch": 9}})


def _under_another_id(cloud: Cloud, order: ExecuteHop) -> Envelope:
    return cloud.sealed(order).model_copy(update={"id": "another"})


def _of_another_type(cloud: Cloud, order: ExecuteHop) -> Envelope:
    return cloud.sealed(order).model_copy(update={"type": "CancelHop"})


@pytest.mark.parametrize(
    "forge",
    [_unsealed, _by_a_stranger, _for_another_host, _changed, _under_another_id, _of_another_type],
)
async def test_a_forged_order_moves_nothing_and_is_dead_lettered(
    cloud: Cloud, agent_bus: Bus, pool: Path, forge: Forge
) -> None:
    async with serving(Source(DATA)) as source, running(make_agent(cloud, agent_bus, pool)):
        order = cloud.order(lambda _: reads(source), pool_end(pool))
        await cloud.bus.send(forge(cloud, order), to=agent_address(HOST))
        await cloud.heard(HostJoined)
    assert not [m for m in cloud.said if isinstance(m, HopFinished)]
    assert source.requests == []
    letters = await agent_bus.dead_letters("hypervisor-agent").entries()  # type: ignore[attr-defined]
    assert len(letters) == 1


async def test_a_replayed_order_is_dropped(cloud: Cloud, agent_bus: Bus, pool: Path) -> None:
    async with serving(Source(DATA)) as source, running(make_agent(cloud, agent_bus, pool)):
        sealed = cloud.sealed(cloud.order(lambda _: reads(source), pool_end(pool)))
        await cloud.bus.send(sealed, to=agent_address(HOST))
        await cloud.heard(HopFinished)
        asked = len(source.requests)
        await cloud.bus.send(sealed, to=agent_address(HOST))
        await cloud.send(cloud.order(lambda _: reads(source), pool_end(pool), hop_id="hop-2"))
        await cloud.heard(HopFinished, fits=lambda m: m.hop_id == "hop-2")
    finished = [m for m in cloud.said if isinstance(m, HopFinished) and m.hop_id == "hop-1"]
    assert len(finished) == 1
    assert asked > 0
