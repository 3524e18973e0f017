"""The cloud a standalone Stowage comes up with: one zone, pod, cluster, KVM host and store."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from stowage_contracts.errors import Unavailable
from stowage_contracts.message import Message
from stowage_contracts.messages.image_store import AddCluster, AddHost, AddPod, AddStore, AddZone
from stowage_contracts.topology import address
from stowage_contracts.values import HypervisorKind, Location, Scope, ServiceName, StoreRole

from standalone.agents import Host, attached
from standalone.house import House, house
from standalone.settings import Home

ZONE, POD, CLUSTER, HOST = "zone-1", "pod-1", "cluster-1", "kvm-1"
STORE, POOL = "store-1", "pool-1"
READY_SECONDS = 60.0


@asynccontextmanager
async def cloud(home: Home, port: int) -> AsyncIterator[House]:
    """A house with its zone, host and store in place; ready for the first template."""
    async with house(home, port) as made:
        for noun, key, command in _commands(home):
            await _announce(made, command)
            await appears(made, noun, key)
        async with attached(made, kvm(home)):
            await appears(made, "store", POOL)
            yield made


async def _announce(made: House, command: Message) -> None:
    """Say it; saying it again at each start changes nothing."""
    async with made.gateway.begin() as tx:
        await tx.say(command, to=address(ServiceName.IMAGE_STORE))


def kvm(home: Home) -> Host:
    """The KVM host, on a directory pool."""
    where = Location(zone_id=ZONE, pod_id=POD, cluster_id=CLUSTER, host_id=HOST)
    door = f"127.0.0.1:{free_port()}"
    return Host(where, HypervisorKind.KVM, POOL, home.pool, roots=(home.data,), door=door)


def free_port() -> int:
    """A TCP port of the loopback address that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _commands(home: Home) -> tuple[tuple[str, str, Message], ...]:
    """What the cloud is made of, each part after what it stands in."""
    kind = HypervisorKind.KVM
    store = AddStore(
        store_id=STORE,
        name="images",
        provider="directory",
        role=StoreRole.IMAGE,
        scope=Scope.region(),
        settings={"root": str(home.image_store)},
    )
    host = AddHost(host_id=HOST, name="kvm", hypervisor=kind, cluster_id=CLUSTER)
    return (
        ("zone", ZONE, AddZone(zone_id=ZONE, name="zone")),
        ("pod", POD, AddPod(pod_id=POD, zone_id=ZONE, name="pod")),
        (
            "cluster",
            CLUSTER,
            AddCluster(cluster_id=CLUSTER, pod_id=POD, name="cluster", hypervisor=kind),
        ),
        ("host", HOST, host),
        ("store", STORE, store),
    )


async def appears(made: House, noun: str, key: str) -> None:
    """Wait until the gateway shows a resource; raises Unavailable after a minute."""
    try:
        async with asyncio.timeout(READY_SECONDS):
            while True:
                async with made.gateway.begin() as tx:
                    if await tx.row("resource", noun, key) is not None:
                        return
                await asyncio.sleep(0.05)
    except TimeoutError:
        raise Unavailable(f"{noun} {key} did not come up", resource=f"{noun}/{key}") from None
