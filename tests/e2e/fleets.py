"""A zone whose XenServers read nothing but NFS caches, and a host that runs transport VMs."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.e2e.deployment import Backing, deployed
from tests.e2e.operator import POOL, ZONE, Operator, Refused
from tests.e2e.sources import MIB, Source, serving
from tests.servers.transport_vms import BRIDGE, TransportVms

FLEET, TEMPLATE = "f1", "t1"
XEN = {"x1": "xen1", "x2": "xen2"}
"""Pools of the hosts that read caches only."""
QUICK = {
    "STOWAGE_FLEET_MISSING_SECONDS": "2",
    "STOWAGE_FLEET_STRANGER_SECONDS": "2",
    "STOWAGE_FLEET_REPEAT_SECONDS": "3",
    "STOWAGE_FLEET_BACK_OFF_SECONDS": "0.5",
    "STOWAGE_CACHE_SHOWN_FLOOR": str(64 * MIB),
    "STOWAGE_AGENT_HEARTBEAT_SECONDS": "1",
}
SMALL = {"disk_bytes": 512 * MIB, "memory_bytes": 128 * MIB}
SLOW = 3 * MIB
"""Bytes a second at which a copy of a few MiB is still under way when something happens."""


@dataclass
class Cloud:
    """An operator of it, and the host's own view of its VMs."""

    operator: Operator
    vms: TransportVms
    content: bytes
    kind: str = "uml"
    patience: float = 60
    """Seconds that anything may take."""
    seen: list[dict[str, Any]] = field(default_factory=list)
    """States of VMs, as events told them."""

    @property
    def machines(self) -> Path:
        """Where the host keeps its VMs."""
        return self.operator.deployment.folder / "machines"

    def running(self) -> list[str]:
        """VMs the host has."""
        return sorted(path.parent.name for path in self.machines.glob("*/vm.json"))

    def ids(self) -> list[str]:
        """VMs there ever were, in the order they came."""
        return list(dict.fromkeys(vm["id"] for vm in self.seen))

    def states(self, vm_id: str) -> list[str]:
        """What a VM went through."""
        return list(dict.fromkeys(vm["state"] for vm in self.seen if vm["id"] == vm_id))

    def kill_vm(self, vm_id: str) -> None:
        """Its process, at once and from outside."""
        record = json.loads((self.machines / vm_id / "vm.json").read_bytes())
        os.kill(record["process"]["pid"], signal.SIGKILL)

    async def set_fleet(self, **changed: Any) -> None:
        """A fleet without a VM, which comes and goes quickly; known to whoever plans copies."""
        body = {
            "name": "pod",
            "scope": "zone",
            "scope_id": ZONE,
            "maximum": 2,
            "min_life_seconds": 3,
            "cool_down_seconds": 1,
            "vm": {
                "disk_bytes": 512 * MIB,
                "memory_bytes": 128 * MIB,
                "clients": [self.vms.network],
            },
            **changed,
        }
        await self.operator.call("PUT", f"cache-fleets/{FLEET}", body)
        await self.until("the fleet is known", self._has_desired)

    async def _has_desired(self) -> bool:
        found = await self.operator.call("GET", f"cache-fleets/{FLEET}")
        return found["desired"] is not None

    async def burst(self, name: str, each: int = 2, rate: int = 0) -> list[str]:
        """Volumes of the template on every XenServer, asked for at once; their copies' ids."""
        asked = []
        for pool in XEN.values():
            for number in range(each):
                volume = {"volume_id": f"{name}-{pool}-{number}"}
                copy = await self.operator.copy(TEMPLATE, pool, **volume)
                asked.append(copy["id"])
        for copy_id in asked if rate else ():
            await self.slow_down(copy_id, rate)
        return asked

    async def slow_down(self, copy_id: str, rate: int) -> None:
        """Bytes a second from now on; 0 lets it go as fast as it can."""
        await self.until("it is planned", lambda: self._planned(copy_id))
        try:
            await self.operator.call("PATCH", f"copies/{copy_id}", {"bytes_per_second": rate})
        except Refused as refused:
            if refused.problem["code"] != "conflict.final":  # it was quicker than we are
                raise

    async def _planned(self, copy_id: str) -> bool:
        found = await self.operator.call("GET", f"copies/{copy_id}")
        return bool(found["state"] != "requested")

    async def done(self, copy_id: str) -> dict[str, Any]:
        """A copy once it has ended well, its bytes compared."""
        copy = await self.operator.settle(f"copies/{copy_id}", seconds=int(self.patience) + 60)
        assert copy["state"] == "done", copy["error"]
        pool, key = copy["destination_store_id"], copy["object"]["id"]
        (path,) = (self.operator.deployment.folder / pool).glob(f"{key}.*")
        assert path.read_bytes() == self.content
        return copy

    async def reading(self, name: str) -> None:
        """Until bytes of one of these volumes came through a cache, and not yet all of them."""

        async def arrived() -> bool:
            folders = (self.operator.deployment.folder / pool for pool in XEN.values())
            found = [path for folder in folders for path in folder.rglob(f"*{name}-*")]
            return any(path.is_file() and path.stat().st_blocks for path in found)

        await self.until("bytes come through a cache", arrived)

    async def empty(self) -> None:
        """No VM is left, for the API, for whoever follows the events, and for the host."""

        async def nothing() -> bool:
            listed = await self.operator.call("GET", "transport-vms")
            told = all(self.states(vm_id)[-1] == "gone" for vm_id in self.ids())
            return told and not listed["items"] and not self.running()

        await self.until("every VM is gone", nothing)

    async def until(self, what: str, true: Callable[[], Awaitable[bool]]) -> None:
        """Wait for it, as long as there is patience."""
        try:
            async with asyncio.timeout(self.patience):
                while not await true():
                    await asyncio.sleep(0.1)
        except TimeoutError:
            raise AssertionError(f"never: {what}; VMs were {self.seen}") from None

    async def follow(self) -> None:
        """Keep what events tell of VMs, until cancelled."""
        url = f"{self.operator.deployment.url}/v1/events?noun=transport_vm"
        async with self.operator.session.get(url, timeout=None) as response:
            async for line in response.content:
                if line.startswith(b"data: "):
                    self.seen.append(json.loads(line.removeprefix(b"data: "))["data"]["state"])


@asynccontextmanager
async def cloud(
    folder: Path, backing: Backing, vms: TransportVms, source: Source, kind: str = "uml"
) -> AsyncIterator[Cloud]:
    """Everything running, the template registered, no VM and no fleet yet."""
    async with deployed(folder, backing) as deployment, Operator.of(deployment) as operator:
        deployment.settings.update(QUICK)
        await deployment.again("cache-autoscaler")
        await operator.places()
        await operator.directory_store()
        found = Cloud(operator, vms, source.content, kind)
        await _hosts(found)
        async with serving(source):
            await operator.register(source.url, id=TEMPLATE)
            made = await operator.settle(f"templates/{TEMPLATE}")
        assert made["ready"], made["error"]
        following = asyncio.create_task(found.follow())
        try:
            yield found
        finally:
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)


async def _hosts(made: Cloud) -> None:
    """Host h1 fills caches and runs VMs; the XenServers read NFS alone."""
    operator, vms = made.operator, made.vms
    more = {"accelerator": "tcg"} if made.kind == "qemu" else {}
    await operator.host(
        "h1",
        POOL,
        machines_kind=made.kind,
        machines_folder=str(made.machines),
        machines_image=str(vms.image),
        machines_addresses=[f"{vms.address(number)}/24" for number in (10, 11, 12)],
        machines_bridge=BRIDGE,
        machines_slots=3,
        machines_options={"namespace": vms.namespace, "overcommit": 100, **more},
    )
    cluster = {"id": "cx", "name": "cx", "pod_id": "p1", "hypervisor": "XenServer"}
    await operator.call("POST", "clusters", cluster)
    options = {"kind": "XenServer", "reads": ["nfs"], "writes": ["file"]}
    for host_id, pool in XEN.items():
        fake = {"kind": "XenServer", "cluster_id": "cx", "hypervisor": "fake", "options": options}
        await operator.host(host_id, pool, roots=[], fetch=False, **fake)
