"""Caches that scale themselves: VMs boot, serve NFS and vanish, and no copy loses a byte."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.e2e.deployment import Backing
from tests.e2e.fleets import FLEET, SLOW, Cloud, cloud
from tests.e2e.sources import MIB, Source, image, serving
from tests.servers.transport_vms import TransportVms

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(300), pytest.mark.slow]
SIZE = 24 * MIB


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def zone(
    tmp_path_factory: pytest.TempPathFactory, backing: Backing, transport_vms: TransportVms
) -> AsyncIterator[Cloud]:
    """XenServers x1 and x2, host h1 with User Mode Linux, template t1, and a fleet without VM."""
    folder = tmp_path_factory.mktemp("fleet")
    async with cloud(folder, backing, transport_vms, Source(image(SIZE, seed=5))) as made:
        await made.set_fleet()
        yield made


async def test_a_vm_comes_for_a_burst_and_goes_while_others_copy(zone: Cloud) -> None:
    other = Source(image(SIZE, seed=6), bytes_per_second=MIB // 16)
    async with serving(other):
        made = await zone.operator.register(other.url, checksum=other.sha256)
        asked = await zone.burst("burst")
        copies = [await zone.done(copy_id) for copy_id in asked]
        await zone.empty()
        bystander = await zone.operator.call("GET", f"copies/{made['copy_id']}")
        assert bystander["state"] == "running", bystander
        other.bytes_per_second = 0
        template = await zone.operator.settle(f"templates/{made['id']}")
    assert template["ready"], template["error"]
    assert {copy["strategy"] for copy in copies} == {"via-cache"}
    assert any("transport VM" in moment["text"] for c in copies for moment in c["timeline"])
    for vm_id in zone.ids():
        assert zone.states(vm_id)[-1] == "gone"
        await why_is_told(zone, vm_id)
    assert zone.vms.inside("-o", "link", "show", "type", "tun") == ""


async def why_is_told(zone: Cloud, vm_id: str) -> None:
    told = await zone.operator.call("GET", f"cache-fleets/{FLEET}/explain")
    kinds = {each["kind"] for each in told["decisions"]}
    assert kinds >= {"desired", "spawn", "offer", "drain", "destroy", "gone"}
    assert all(each["reason"] for each in told["decisions"])
    shown = await zone.operator.call("GET", f"transport-vms/{vm_id}")
    assert (shown["state"], bool(shown["reason"])) == ("gone", True)


async def test_a_vm_killed_in_mid_copy_is_replaced_and_the_copies_end_true(zone: Cloud) -> None:
    before = len(zone.ids())
    asked = await zone.burst("killed", rate=SLOW)
    await zone.reading("killed")
    (vm_id, *_) = zone.running()
    zone.kill_vm(vm_id)
    for copy_id in asked:
        await zone.slow_down(copy_id, 0)
    for copy_id in asked:
        await zone.done(copy_id)
    assert len(zone.ids()) > before + 1
    await zone.empty()
    assert zone.states(vm_id)[-2:] == ["destroying", "gone"]


async def test_an_autoscaler_killed_after_its_order_knows_the_vm_again(zone: Cloud) -> None:
    before = set(zone.ids())
    asked = await zone.burst("adopted", each=1)

    async def ordered() -> bool:
        return bool(zone.running())

    await zone.until("the host begins it", ordered)
    await zone.operator.deployment.again("cache-autoscaler")
    for copy_id in asked:
        await zone.done(copy_id)
    await zone.empty()
    assert len(set(zone.ids()) - before) == 1
