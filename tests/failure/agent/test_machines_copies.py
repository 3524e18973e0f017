"""Copies through a real transport VM: the bytes are the same, and its death fails only them."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypervisor_agent.engine.hop import Hop
from hypervisor_agent.engine.reins import Reins, hold
from hypervisor_agent.engine.terms import Tools
from hypervisor_agent.machines.processes import of_folder
from hypervisor_agent.machines.uml import UmlMachines
from hypervisor_agent.spaces import space_of
from hypervisor_agent.transports.nfs import NfsTransport
from stowage_contracts.caching import MEBI, VmFacts, VmPhase, VmSpec
from stowage_contracts.errors import Retry, Stalled, Unavailable
from stowage_contracts.grants import Grant
from stowage_contracts.plugins.image_store_driver import CommitAsk, ReadAsk, WriteAsk
from stowage_contracts.plugins.transport import TransportSettings
from stowage_contracts.values import Receipt
from stowage_stores.nfs import NfsDriver

from tests.contract.stores.nfs_store import nfs_store
from tests.integration.hypervisor_agent.kit import (
    MIB,
    GivenGrants,
    file_grant,
    hop,
    make_tools,
    noise,
    order,
    part_of,
    tree_digest,
)
from tests.integration.hypervisor_agent.vm_host import settings_in
from tests.servers.transport_vms import TransportVms

SPEC = VmSpec(memory_bytes=192 * MEBI, disk_bytes=512 * MEBI)
STALL = 4.0
DATA = noise(96 * MIB + 12345)


@pytest.fixture
async def vm(transport_vms: TransportVms, tmp_path: Path) -> AsyncIterator[VmFacts]:
    """One that serves."""
    machines = UmlMachines(settings_in(transport_vms, tmp_path / "vms"))
    await machines.spawn("one", "fleet", SPEC)
    async with asyncio.timeout(60):
        while (facts := (await machines.seen())[0]).phase is not VmPhase.READY:
            await asyncio.sleep(0.05)
    yield facts
    await machines.destroy("one")
    await machines.aclose()


@pytest.fixture
async def store(vm: VmFacts) -> AsyncIterator[NfsDriver]:
    async with nfs_store(vm.url) as driver:
        yield driver


@pytest.fixture
def tools(tmp_path: Path) -> Tools:
    tools = make_tools(tmp_path)
    transports = {**tools.transports, "nfs": NfsTransport(TransportSettings())}
    object.__setattr__(tools, "transports", transports)
    return tools


def source_in(folder: Path, data: bytes) -> Grant:
    path = folder / "source"
    path.write_bytes(data)
    return file_grant(path)


async def slowly(hop: Hop) -> Receipt:
    hold(Reins(24 * MIB))
    return await hop.run()


async def begun(store: NfsDriver, size: int) -> Grant:
    return await store.grant(WriteAsk(key="t1", writer="h1.1", size=size, seconds=600))


async def test_what_goes_through_a_vm_comes_back_the_same(
    tmp_path: Path, store: NfsDriver, tools: Tools
) -> None:
    checks, capacity = await store.probe()
    assert all(check.ok for check in checks)
    assert (capacity.total_bytes or 0) > len(DATA)
    source, grant = source_in(tmp_path, DATA), await begun(store, len(DATA))
    receipt = await hop(order(), GivenGrants(lambda: source, lambda _: grant), tools).run()
    assert receipt.digest == tree_digest(DATA)
    await store.commit(CommitAsk(key="t1", writer="h1.1", size=receipt.size))
    read, back = await store.grant(ReadAsk(key="t1", seconds=600)), order(digest=receipt.digest)
    assert read.uri is not None
    space = await asyncio.to_thread(space_of, read.uri.get_secret_value())
    assert space is not None
    assert len(DATA) < space.used < space.total <= SPEC.disk_bytes
    part = part_of(tmp_path, back)
    given = GivenGrants(lambda: read, lambda _: file_grant(part, writes=True))
    await hop(back, given, tools).run()
    assert part.read_bytes() == DATA


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
async def test_a_vm_lost_in_mid_copy_fails_its_hop_in_time_and_no_other(
    tmp_path: Path, store: NfsDriver, tools: Tools, number: signal.Signals
) -> None:
    source, grant = source_in(tmp_path, DATA), await begun(store, len(DATA))
    given = GivenGrants(lambda: source, lambda _: grant)
    lost = hop(order(stall_seconds=STALL), given, tools)
    running = asyncio.create_task(slowly(lost))
    async with asyncio.timeout(60):
        while not (lost.loop and lost.loop.done):
            await asyncio.sleep(0.01)
    os.kill(of_folder(tmp_path / "vms/one")[1].pid, number)
    at = time.monotonic()
    other = order(hop_id="h2")
    part = part_of(tmp_path, other)
    given = GivenGrants(lambda: source, lambda _: file_grant(part, writes=True))
    await hop(other, given, tools).run()
    assert part.read_bytes() == DATA
    with pytest.raises((Unavailable, Stalled)) as caught:
        await running
    assert caught.value.retry is Retry.AGAIN
    assert time.monotonic() - at < 4 * STALL
    if number is signal.SIGSTOP:
        os.kill(of_folder(tmp_path / "vms/one")[1].pid, signal.SIGCONT)
