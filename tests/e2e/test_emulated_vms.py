"""The same by QEMU without KVM: a whole machine boots, serves a burst and goes."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.e2e.deployment import Backing
from tests.e2e.fleets import Cloud, cloud
from tests.e2e.sources import MIB, Source, image
from tests.servers.transport_vms import TransportVms

QEMU = "qemu-system-x86_64"
pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.timeout(900),
    pytest.mark.emulated,
    pytest.mark.skipif(shutil.which(QEMU) is None, reason="qemu-system-x86 is not installed"),
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def zone(
    tmp_path_factory: pytest.TempPathFactory, backing: Backing, transport_vms: TransportVms
) -> AsyncIterator[Cloud]:
    folder = tmp_path_factory.mktemp("fleet")
    source = Source(image(24 * MIB, seed=7))
    async with cloud(folder, backing, transport_vms, source, kind="qemu") as made:
        made.patience = 300
        await made.set_fleet(vm={"disk_bytes": 512 * MIB, "clients": [transport_vms.network]})
        yield made


async def test_an_emulated_vm_serves_a_burst_and_goes(zone: Cloud) -> None:
    for copy_id in await zone.burst("emulated"):
        await zone.done(copy_id)
    await zone.empty()
    assert {zone.states(vm_id)[-1] for vm_id in zone.ids()} == {"gone"}
