"""What a storm blows over: hosts that read caches only, hosts that run transport VMs, images."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from standalone.agents import Host, attached
from standalone.cloud import CLUSTER, POD, ZONE
from standalone.house import House
from standalone.settings import Home
from stowage_client import Client
from stowage_contracts.values import HypervisorKind, Location

XEN_CLUSTER = "xen"
MIB = 1 << 20


@dataclass(frozen=True)
class Machines:
    """How the transport VMs of this storm are run."""

    kind: str = "fake"
    image: str = ""
    addresses: tuple[str, ...] = ()
    bridge: str = ""
    namespace: str = ""
    boot_seconds: float = 3.0
    """How long a pretended VM takes to boot."""

    @property
    def reads(self) -> list[str]:
        """How hosts read the caches on them: what a pretended VM exports is a directory."""
        return ["nfs", "file"] if self.kind == "fake" else ["nfs"]

    def settings(self, folder: Path, slots: int) -> dict[str, Any]:
        """Of the agent of a host that runs them."""
        told = {
            "agent_machines_kind": self.kind,
            "agent_machines_folder": str(folder),
            "agent_machines_slots": slots,
            "agent_machines_options": self._options(folder),
            "agent_heartbeat_seconds": 1.0,
        }
        if self.kind == "fake":
            return told
        return told | {
            "agent_machines_image": self.image,
            "agent_machines_addresses": self.addresses,
            "agent_machines_bridge": self.bridge,
        }

    def _options(self, folder: Path) -> dict[str, Any]:
        if self.kind == "fake":
            url = f"file://{folder}/{{vm_id}}/export"
            return {"boot_seconds": self.boot_seconds, "url": url}
        return {"namespace": self.namespace} if self.namespace else {}


@dataclass(frozen=True)
class Scene:
    """How much there is of everything."""

    machines: Machines
    hosts: int
    images: int
    bytes_each: int

    @property
    def pools(self) -> list[str]:
        """Pools of the hosts that want images."""
        return [f"pool-xen-{number + 1}" for number in range(self.hosts)]

    def machine_folder(self, home: Home) -> Path:
        """Where the VMs are kept."""
        return home.data / "machines"

    @asynccontextmanager
    async def set_up(self, house: House, client: Client) -> AsyncIterator[None]:
        """Hosts with their agents, until the context is left."""
        await client.clusters.add(
            "xen", pod_id=POD, hypervisor=HypervisorKind.XENSERVER, id=XEN_CLUSTER
        )
        async with AsyncExitStack() as stack:
            for host in (self._vm_host(house.home), *self._wanting(house.home)):
                where = CLUSTER if host.kind is HypervisorKind.KVM else XEN_CLUSTER
                await client.hosts.add(host.id, host.kind, cluster_id=where, id=host.id)
                host.pool_root.mkdir(exist_ok=True)
                await stack.enter_async_context(attached(house, host))
            yield

    def _vm_host(self, home: Home) -> Host:
        where = Location(zone_id=ZONE, pod_id=POD, cluster_id=CLUSTER, host_id="vm-host")
        folder = self.machine_folder(home)
        settings = self.machines.settings(folder, slots=8)
        pool = home.data / "pool-vm-host"
        return Host(
            where, HypervisorKind.KVM, "pool-vm-host", pool, hypervisor="fake", settings=settings
        )

    def _wanting(self, home: Home) -> list[Host]:
        """XenServers, which read files of caches and nothing else."""
        reads = {"kind": "XenServer", "reads": self.machines.reads, "writes": ["file"]}
        return [
            Host(
                Location(
                    zone_id=ZONE,
                    pod_id=POD,
                    cluster_id=XEN_CLUSTER,
                    host_id=pool.removeprefix("pool-"),
                ),
                HypervisorKind.XENSERVER,
                pool,
                home.data / pool,
                hypervisor="fake",
                roots=(self.machine_folder(home),),
                fetch=False,
                options=reads,
            )
            for pool in self.pools
        ]

    def image(self, folder: Path, number: int) -> Path:
        """A raw image that no two storms share."""
        path = folder / f"image-{number}.raw"
        with path.open("wb") as file:
            for _ in range(self.bytes_each // MIB):
                file.write(b"\0" * 512 + os.urandom(MIB - 512))
        return path
