"""A host with an agent that pretends to run VMs, and who tells the autoscaler of the host."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from hypervisor_agent.agent import Agent
from hypervisor_agent.identity import Identity
from hypervisor_agent.settings import Settings
from hypervisor_agent.wiring import build
from pydantic import SecretStr
from stowage_contracts.caching import GIBI, CacheFleet, TransportVmView, VmSpec
from stowage_contracts.envelope import Envelope
from stowage_contracts.message import Message
from stowage_contracts.messages import cache_autoscaler as told
from stowage_contracts.messages.cache_autoscaler import RemoveCacheFleet, SetCacheFleet
from stowage_contracts.messages.hypervisor_agent import HostJoined
from stowage_contracts.messages.image_store import HostChanged
from stowage_contracts.topology import Topology
from stowage_contracts.values import HostState, HypervisorKind, Location, Scope, ServiceName
from stowage_contracts.views import HostView
from stowage_runtime.bus import Bus, builtin_readers
from stowage_runtime.bus.rabbit import RabbitBus
from stowage_runtime.bus.rabbit.broker_users import BrokerUsers
from yarl import URL

M = TypeVar("M", bound=Message)
SELF = ServiceName.CACHE_AUTOSCALER
HEARD = (ServiceName.API_GATEWAY, ServiceName.IMAGE_STORE)


def fleet(**changed: Any) -> CacheFleet:
    """A fleet of zone z1 that is in no need of rest."""
    quick = {"cool_down_seconds": 0, "min_life_seconds": 0, "vm": VmSpec(disk_bytes=GIBI)}
    return CacheFleet.model_validate(
        {"id": "f1", "name": "f1", "scope": Scope.zone("z1"), "minimum": 1, **quick, **changed}
    )


@dataclass
class FleetCloud:
    """Gateway and image-store as far as fleets need them, and the agent of host h1."""

    services: Bus
    agent_bus: Callable[[], Any]
    keys: dict[str, str]
    folder: Path
    heard: list[Message] = field(default_factory=list)

    async def start(self) -> None:
        """Every queue is there, as after ``migrate``."""
        for reader in builtin_readers():
            await self.services.declare(reader)
            if reader.name in HEARD:
                await self.services.listen(reader, self._hear)

    async def _hear(self, envelope: Envelope) -> None:
        message = envelope.message()
        self.heard.append(message)
        if isinstance(message, HostJoined):
            await self._told_of(message)

    async def _told_of(self, joined: HostJoined) -> None:
        """As image-store tells of a host."""
        view = HostView(
            id=joined.host_id,
            name=joined.host_id,
            location=Location(zone_id="z1", host_id=joined.host_id),
            hypervisor=HypervisorKind.KVM,
            state=HostState.UP,
            abilities=joined.abilities,
        )
        said = Envelope.of(HostChanged(state=view), source=ServiceName.IMAGE_STORE)
        await self.services.send(said)

    async def wish(self, **changed: Any) -> None:
        await self._command(SetCacheFleet(fleet=fleet(**changed)))

    async def remove(self) -> None:
        await self._command(RemoveCacheFleet(fleet_id="f1"))

    async def _command(self, message: Message) -> None:
        envelope = Envelope.of(message, source=ServiceName.API_GATEWAY)
        await self.services.send(envelope, to=SELF)

    async def until(self, kind: type[M], fits: Callable[[M], bool] = lambda _: True) -> M:
        """The first message of a kind that fits."""
        async with asyncio.timeout(30):
            while True:
                for each in self.heard:
                    if isinstance(each, kind) and fits(each):
                        return each
                await asyncio.sleep(0.05)

    async def vm(self, state: str, but: str = "") -> TransportVmView:
        """The first VM that was told to be in this state."""
        event = await self.until(
            told.TransportVmChanged, lambda m: m.state.state == state and m.state.id != but
        )
        return event.state

    def running(self) -> list[str]:
        """VMs the host has."""
        return sorted(path.parent.name for path in self.machines.glob("*/vm.json"))

    def removed(self) -> list[str]:
        """VMs that were told to be gone."""
        return [m.state.id for m in self.heard if isinstance(m, told.TransportVmRemoved)]

    def offered(self) -> int:
        """How many serve, as the fleet was told last."""
        views = [m.state for m in self.heard if isinstance(m, told.CacheFleetChanged)]
        return views[-1].offered if views else 0

    @property
    def machines(self) -> Path:
        return self.folder / "machines"

    def faults(self, **options: Any) -> None:
        """What the VMs of the host do from now on."""
        self.machines.mkdir(exist_ok=True)
        (self.machines / "faults.json").write_text(json.dumps(options))

    @asynccontextmanager
    async def host(self, **options: Any) -> AsyncIterator[Agent]:
        """Host h1's agent, until the context is left; its VMs outlive it."""
        self.machines.mkdir(exist_ok=True)
        (self.folder / "pool").mkdir(exist_ok=True)
        bus = await self.agent_bus()
        agent = build(self._settings(options), self._identity(), bus)
        await agent.start()
        try:
            yield agent
        finally:
            await agent.stop(5)
            await bus.close()

    def _settings(self, options: dict[str, Any]) -> Settings:
        url = f"file://{self.machines}/{{vm_id}}/export"
        given: dict[str, Any] = {
            "agent_hypervisor": "fake",
            "agent_heartbeat_seconds": 0.5,
            "agent_roots": (str(self.folder),),
            "agent_machines_kind": "fake",
            "agent_machines_folder": str(self.machines),
            "agent_machines_slots": 8,
            "agent_machines_options": {"boot_seconds": 0.2, "url": url, **options},
        }
        return Settings(**given)

    def _identity(self) -> Identity:
        return Identity(
            host_id="h1",
            name="h1",
            hypervisor=HypervisorKind.KVM,
            location=Location(zone_id="z1", host_id="h1"),
            amqp_url=SecretStr(""),
            bus_prefix="unused",
            ticket_verify_key=self.keys["stowage_ticket_verify_key"],
        )


@dataclass(frozen=True)
class Servers:
    """Where the broker is."""

    rabbitmq_url: str
    management_url: str
    prefix: str


@asynccontextmanager
async def fleet_cloud(
    servers: Servers, keys: dict[str, str], folder: Path
) -> AsyncIterator[FleetCloud]:
    """The cloud on a real broker; its agents have users of their own there."""
    topology = Topology(servers.prefix)
    services = await RabbitBus(servers.rabbitmq_url, topology).ready()
    users = BrokerUsers(URL(servers.management_url), topology)

    async def agent_bus() -> RabbitBus:
        login = await users.admit("h1")
        secret = login.password.get_secret_value()
        url = URL(servers.rabbitmq_url).with_user(login.user).with_password(secret)
        return await RabbitBus(str(url), topology).ready()

    cloud = FleetCloud(services, agent_bus, keys, folder)
    await cloud.start()
    try:
        yield cloud
    finally:
        await services.close()
