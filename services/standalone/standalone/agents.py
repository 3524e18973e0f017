"""Agents inside a house: they attach to its broker and need no enrolment."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hypervisor_agent.agent import Agent
from hypervisor_agent.identity import Identity
from hypervisor_agent.settings import Settings
from hypervisor_agent.wiring import build
from pydantic import SecretStr
from stowage_contracts.plugins.hypervisor import PoolSettings
from stowage_contracts.values import HypervisorKind, Location
from stowage_runtime.bus.memory import MemoryBus

from standalone.house import House


@dataclass(frozen=True)
class Host:
    """A host to play: where it stands, what it is, what it sees."""

    location: Location
    kind: HypervisorKind
    pool_id: str
    pool_root: Path
    hypervisor: str = "kvm"
    roots: tuple[Path, ...] = ()
    fetch: bool = True
    door: str = ""
    """host:port where its agent serves links and takes uploads."""
    options: dict[str, Any] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    """More of its agent's settings, by their names."""

    @property
    def id(self) -> str:
        """The host's id."""
        assert self.location.host_id is not None
        return self.location.host_id


@asynccontextmanager
async def attached(house: House, host: Host) -> AsyncIterator[Agent]:
    """An agent for ``host``, running; it hands its work back when the context closes."""
    house.broker.admit(host.id)
    bus = MemoryBus(house.broker)
    settings = _settings(host)
    agent = build(settings, _identity(house, host), bus)
    await agent.start()
    try:
        yield agent
    finally:
        await agent.stop(settings.stop_seconds)
        await bus.close()


def _settings(host: Host) -> Settings:
    pool = PoolSettings(id=host.pool_id, name=host.pool_id, root=str(host.pool_root))
    settings = Settings.read(
        agent_hypervisor=host.hypervisor,
        agent_pools=(pool,),
        agent_fetch=host.fetch,
        agent_roots=tuple(map(str, host.roots)),
        agent_options=host.options,
        agent_door_listen=host.door,
        agent_door_url=f"http://{host.door}" if host.door else "",
        **host.settings,
    )
    assert isinstance(settings, Settings)
    return settings


def _identity(house: House, host: Host) -> Identity:
    return Identity(
        host_id=host.id,
        name=host.id,
        hypervisor=host.kind,
        location=host.location,
        amqp_url=SecretStr("memory:"),
        bus_prefix="stowage",
        ticket_verify_key=house.keyring["ticket_verify_key"],
    )
