"""A door of an agent and the links that lead through it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
from hypervisor_agent.agent import Agent
from stowage_contracts.errors import GrantRefused
from stowage_contracts.messages.image_store import GrantRedeemed, RedeemGrant
from stowage_runtime.bus import Bus

from tests.integration.hypervisor_agent.cloud import (
    Cloud,
    link_token,
    make_agent,
    running,
    store_end,
)
from tests.integration.hypervisor_agent.kit import file_grant


@dataclass
class Links:
    """Makes links of one store folder, and revokes them."""

    cloud: Cloud
    root: Path
    http: aiohttp.ClientSession
    agent: Agent
    scheme: str = "http"
    revoked: bool = False

    def url(self, kind: str, token: str) -> str:
        assert self.agent.door is not None
        return f"{self.scheme}://127.0.0.1:{self.agent.door.port}/{kind}/{token}"

    def reads(self, key: str, **claims: object) -> str:
        """A download of one file."""
        self.cloud.grants["link"] = lambda _: self._grant(key)
        return self.url("o", self.token(key, **claims))

    def writes(self, key: str = "u1", **claims: object) -> str:
        """An upload into the part of a file to be."""
        (self.root / ".stowage").mkdir(exist_ok=True)
        self.cloud.grants["link"] = lambda _: self._grant(self.part.relative_to(self.root), True)
        return self.url("u", self.token(key, writes=True, **claims))

    @property
    def part(self) -> Path:
        return self.root / ".stowage" / "link.1.part"

    def token(self, key: str, **claims: object) -> str:
        return link_token(self.cloud, object=store_end(key), **claims)

    def asked(self) -> list[RedeemGrant]:
        return [ask for ask in self.cloud.redeemed if ask.grant_id == "link"]

    def _grant(self, name: str | Path, writes: bool = False) -> GrantRedeemed:
        if self.revoked:
            raise GrantRefused("it was revoked", code="revoked")
        return GrantRedeemed(grant_id="link", grant=file_grant(self.root / name, writes=writes))


@asynccontextmanager
async def links(cloud: Cloud, bus: Bus, root: Path, **settings: object) -> AsyncIterator[Links]:
    """A running agent with a door."""
    facts: dict[str, object] = {
        "agent_door_listen": "127.0.0.1:0",
        "agent_door_url": "http://door.example/",
        "plaintext": True,
    }
    agent = make_agent(cloud, bus, root, **{**facts, **settings})
    async with running(agent), aiohttp.ClientSession() as http:
        yield Links(cloud, root, http, agent)
