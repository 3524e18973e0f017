"""The images are built and composed, and do the main job while one of them is killed."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from tests.deploy.composed import SERVICES, Composed
from tests.e2e.sources import MIB, Source, image, serving

pytestmark = [
    pytest.mark.docker,
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.asyncio(loop_scope="module"),
]
SIZE = 32 * MIB
MANAGERS = tuple(name for name in SERVICES if name != "hypervisor-agent")


async def test_a_template_reaches_a_pool_though_a_service_is_killed_meanwhile(
    composed: Composed, tmp_path: Path
) -> None:
    source = Source(image(SIZE), bytes_per_second=4 * MIB)
    async with serving(source, await composed.host_address()), composed.client() as stowage:
        made = await stowage.templates.register(
            "disk", source.url, "raw", zone_id="zone1", checksum=source.sha256
        )
        await _sent(source, SIZE // 4)
        source.gate.clear()
        await composed.compose("kill", "-s", "KILL", "data-motion")
        await composed.compose("up", "--wait", "--no-deps", "data-motion")
        source.gate.set()
        template = await stowage.templates.show(made.id, wait=60)
        assert template.ready, template.error
        asked = await stowage.copies.start(made.id, "pool1", volume_id="v1")
        copy = await stowage.copies.show(asked.id, wait=60)
        assert copy.state == "done", copy.error
    volume = tmp_path / "v1.raw"
    await composed.compose("cp", "agent:/var/lib/stowage/pool/v1.raw", str(volume))
    assert volume.read_bytes() == source.content
    assert source.sent < SIZE + SIZE // 2


async def test_no_process_is_root_and_none_can_write_outside_its_volumes(
    composed: Composed,
) -> None:
    for name in (*MANAGERS, "agent"):
        assert (await composed.compose("exec", "-T", name, "id", "-u")).strip() == "10001"
        container = (await composed.compose("ps", "-q", name)).strip()
        (facts,) = json.loads(await composed.docker("inspect", container))
        assert facts["HostConfig"]["ReadonlyRootfs"]
        assert facts["HostConfig"]["CapDrop"] == ["ALL"]


async def test_secrets_are_in_files_and_nowhere_else(composed: Composed) -> None:
    names = ("admin_api_key", "database_url", "amqp_url", "at_rest_key", "ticket_signing_key")
    words = [await composed.secret(name) for name in names]
    containers = (await composed.compose("ps", "-aq")).split()
    shown = await composed.docker("inspect", *containers)
    shown += await composed.compose("logs", "--no-color")
    assert [name for name, word in zip(names, words, strict=True) if word in shown] == []


async def test_an_agent_holds_no_secret_of_the_services(composed: Composed) -> None:
    held = await composed.compose("exec", "-T", "agent", "ls", "-A", "/var/lib/stowage/secrets")
    assert held == ""
    kept = await composed.compose("exec", "-T", "agent", "ls", "-A", "/var/lib/stowage/agent")
    assert "identity.json" in kept


async def test_images_hold_no_development_tools_and_no_other_service(composed: Composed) -> None:
    for name in SERVICES:
        listing = ["run", "--rm", "--entrypoint", "ls", f"{composed.project}/{name}:test"]
        where = "/opt/stowage/bin"
        commands = (await composed.docker(*listing, where)).split()
        assert [c for c in commands if c.startswith("stowage-")] == sorted(
            [f"stowage-{name}", "stowage-service"]
        )
        assert {"pytest", "mypy", "ruff", "pip"}.isdisjoint(commands)


async def _sent(source: Source, count: int) -> None:
    async with asyncio.timeout(60):
        while source.sent < count:
            await asyncio.sleep(0.05)
