"""Fleets over a real bus and database, with a real agent whose VMs are pretended."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from cache_autoscaler.settings import Settings
from pydantic import SecretStr
from stowage_contracts.messages.cache_autoscaler import (
    CacheAdded,
    CacheFleetHalted,
    CacheFleetRemoved,
    CacheRemoved,
    TransportVmRemoved,
)
from stowage_runtime.running import Running
from yarl import URL

from tests.integration.cache_autoscaler.fleets_cloud import FleetCloud, Servers, fleet_cloud
from tests.servers.proxy import Proxy

QUICK = {
    "fleet_order_seconds": 5.0,
    "fleet_starting_seconds": 3.0,
    "fleet_probing_seconds": 5.0,
    "fleet_missing_seconds": 2.0,
    "fleet_stranger_seconds": 1.0,
    "fleet_repeat_seconds": 2.0,
    "fleet_silent_seconds": 2.5,
    "fleet_back_off_seconds": 0.2,
    "fleet_back_off_most_seconds": 1.0,
    "fleet_breaker_failures": 3,
    "fleet_halt_seconds": 2.0,
}


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update=QUICK)


@pytest.fixture
async def fleets(
    rabbitmq_url: str,
    rabbitmq_management_url: str,
    bus_prefix: str,
    made_keys: dict[str, str],
    tmp_path: Path,
) -> AsyncIterator[FleetCloud]:
    servers = Servers(rabbitmq_url, rabbitmq_management_url, bus_prefix)
    async with fleet_cloud(servers, made_keys, tmp_path) as cloud:
        yield cloud


@pytest.fixture
def start_through(
    settings: Settings, rabbitmq_url: str, launch: Callable[..., Any]
) -> Callable[[], Any]:
    """Starts an instance whose way to the broker can be cut."""

    @asynccontextmanager
    async def running() -> AsyncIterator[tuple[Proxy, Running[Any]]]:
        far = URL(rabbitmq_url)
        async with Proxy(far.host or "", far.port or 5672) as proxy:
            near = SecretStr(str(far.with_host("127.0.0.1").with_port(proxy.port)))
            async with launch(settings.model_copy(update={"amqp_url": near})) as service:
                yield proxy, service

    return running


async def eventually(holds: Callable[[], bool], seconds: float = 30) -> None:
    """Wait until it does."""
    async with asyncio.timeout(seconds):
        while not holds():
            await asyncio.sleep(0.05)


async def silent(running: Running[Any]) -> bool:
    """Whether the autoscaler takes all its VMs' hosts for silent."""
    async with running.transactions.begin() as tx:
        rows = await tx.rows("fleet_vms", "f1", 15.0)
    return all(row["silent_since"] for row in rows)


async def test_a_fleet_comes_serves_and_goes_without_a_trace(
    start: Any, fleets: FleetCloud
) -> None:
    async with start(), fleets.host():
        await fleets.wish()
        vm = await fleets.vm("offered")
        added = await fleets.until(CacheAdded)
        assert (added.state.id, vm.url) == (vm.id, f"file://{fleets.machines}/{vm.id}/export")
        assert fleets.running() == [vm.id]
        await fleets.remove()
        await fleets.until(CacheFleetRemoved)
        await fleets.until(TransportVmRemoved)
        assert (await fleets.until(CacheRemoved)).state.id == vm.id
        assert fleets.running() == []


async def test_who_is_away_between_order_and_proof_adopts_its_vm(
    start: Any, fleets: FleetCloud
) -> None:
    async with fleets.host(boot_seconds=1.0):
        async with start():
            await fleets.wish()
            await eventually(lambda: bool(fleets.running()))
        (vm_id,) = fleets.running()
        async with start():
            assert (await fleets.vm("offered")).id == vm_id
        assert fleets.running() == [vm_id]


async def test_two_autoscalers_make_one_fleet(start: Any, fleets: FleetCloud) -> None:
    async with start(), start(), fleets.host():
        await fleets.wish(minimum=3)
        first = await fleets.vm("offered")
        await fleets.vm("offered", but=first.id)
        await eventually(lambda: len(fleets.running()) == 3)
        await fleets.until(CacheAdded)
        await fleets.wish(minimum=1)
        await eventually(lambda: len(fleets.running()) == 1)
        await eventually(lambda: len(fleets.removed()) == 2)
        assert len(set(fleets.removed())) == 2


async def test_without_an_image_it_halts_below_its_ceiling_and_goes_on_by_itself(
    start: Any, fleets: FleetCloud
) -> None:
    fleets.faults(spawn_error="missing")
    async with start(), fleets.host():
        await fleets.wish(minimum=2, maximum=2)
        halted = await fleets.until(CacheFleetHalted)
        assert halted.state.error is not None
        assert "the image is missing" in halted.state.error.cause
        assert halted.state.members <= 2
        fleets.faults()
        vm = await fleets.vm("offered")
        assert vm.id in fleets.running()


async def test_a_vm_that_never_answers_is_destroyed_and_replaced(
    start: Any, fleets: FleetCloud
) -> None:
    fleets.faults(never_ready=True)
    async with start(), fleets.host():
        await fleets.wish(maximum=1)
        lost = await fleets.vm("starting")
        gone = await fleets.until(TransportVmRemoved)
        assert gone.state.id == lost.id
        fleets.faults()
        assert (await fleets.vm("offered")).id != lost.id


async def test_a_vm_that_dies_is_replaced_and_its_store_goes(
    start: Any, fleets: FleetCloud
) -> None:
    async with start(), fleets.host():
        await fleets.wish(maximum=2)
        vm = await fleets.vm("offered")
        fleets.faults(ended=[vm.id])
        await fleets.vm("offered", but=vm.id)
        await eventually(lambda: vm.id not in fleets.running())
        assert (await fleets.until(CacheRemoved)).state.id == vm.id


async def test_a_forgotten_vm_of_a_fleet_that_was_is_destroyed(
    start: Any, fleets: FleetCloud
) -> None:
    async with start() as running, fleets.host():
        await fleets.wish()
        vm = await fleets.vm("offered")
        async with running.transactions.begin() as tx:
            await tx.run("drop_vm", vm.id)
        await eventually(lambda: vm.id not in fleets.running())
        await fleets.vm("offered", but=vm.id)


async def test_a_broker_that_was_away_costs_no_vm_and_makes_none_twice(
    start_through: Any, fleets: FleetCloud
) -> None:
    async with start_through() as (proxy, running), fleets.host():
        await fleets.wish(minimum=2)
        await eventually(lambda: len(fleets.running()) == 2)
        await proxy.cut()
        await fleets.wish(minimum=3)
        async with asyncio.timeout(30):
            while not await silent(running):
                await asyncio.sleep(0.1)
        await proxy.restore()
        await eventually(lambda: fleets.offered() == 3)
        assert len(fleets.running()) == 3
        assert fleets.removed() == []
