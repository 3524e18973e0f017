"""One composed system for all tests that look at it."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator

import pytest_asyncio

from tests.deploy.composed import Composed
from tests.servers.ports import free_ports


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def composed(docker_host: str) -> AsyncIterator[Composed]:
    """Built, started and ready; taken down with all it had."""
    port, door = free_ports(2)
    system = Composed(f"t{secrets.token_hex(4)}", port, door, docker_host)
    try:
        await system.up()
        yield system
    finally:
        await system.down()
