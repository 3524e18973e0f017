"""The images are built and composed, and do the main job while one of them is killed."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path

import aiohttp
import pytest
from stowage_client.uploading import Upload
from stowage_client.watching import settled_store
from yarl import URL

from tests.deploy.composed import SERVICES, Composed
from tests.e2e.sources import MIB, Source, image, serving
from tests.servers.nfs import Share
from tests.servers.proxy import Proxy

pytestmark = [
    pytest.mark.docker,
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.asyncio(loop_scope="module"),
]
SIZE = 32 * MIB
USER = 10001
MANAGERS = tuple(name for name in SERVICES if name != "hypervisor-agent")


async def test_a_template_reaches_a_pool_though_a_service_is_killed_meanwhile(
    composed: Composed, tmp_path: Path
) -> None:
    source = Source(image(SIZE), bytes_per_second=4 * MIB)
    async with serving(source, await composed.host_address()), composed.client() as stowage:
        made = await stowage.templates.add(
            "disk", "raw", url=source.url, zone_id="zone1", checksum=source.sha256
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


async def test_an_uploaded_image_leaves_by_the_agents_door(
    composed: Composed, tmp_path: Path
) -> None:
    content = image(12 * MIB)
    (tmp_path / "own.raw").write_bytes(content)
    async with composed.client() as stowage:
        made = await stowage.templates.add("own", "raw", zone_id="zone1", upload=True)
        await Upload(stowage.templates, made.id, tmp_path / "own.raw", lambda _: None).send()
        template = await stowage.templates.show(made.id, wait=60)
        assert template.ready, template.error
        link = await stowage.links.url((await stowage.templates.link(made.id)).id)
    url = link.url.get_secret_value()
    assert url.startswith(f"http://127.0.0.1:{composed.door}/o/")
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        assert await answer.read() == content


async def test_a_template_lives_on_an_nfs_export_without_a_mount(
    composed: Composed, nfs_share: Share
) -> None:
    os.chown(nfs_share.folder, USER, USER)
    url, here = URL(nfs_share.url), await composed.host_address()
    async with (
        Proxy("127.0.0.1", url.port or 0, here) as nfs,
        Proxy("127.0.0.1", int(url.query["mountport"]), here) as mount,
        serving(Source(image(8 * MIB)), here) as source,
        composed.client() as stowage,
    ):
        there = url.with_host(here).with_port(nfs.port).update_query(mountport=mount.port)
        store = await stowage.stores.add("filer", "NFS", settings={"url": str(there)})
        store = await settled_store(stowage, store.id)
        assert store.state == "Up", store.checks
        made = await stowage.templates.add("n", "raw", url=source.url, store_ids=[store.id])
        template = await stowage.templates.show(made.id, wait=60)
        assert template.ready, template.error
        (stored,) = nfs_share.folder.glob(f"template/**/{made.id}.raw")
        assert stored.read_bytes() == source.content
        await stowage.stores.change(store.id, state="Disabled")  # before its address is gone


@pytest.mark.parametrize("service", ["image-store", "cache-autoscaler", "agent"])
async def test_what_opens_exports_has_its_library(composed: Composed, service: str) -> None:
    loaded = "from stowage_stores.nfs.libnfs import library; print(library())"
    assert "libnfs.so" in await composed.python(service, loaded)


async def test_an_image_store_knows_every_provider(composed: Composed) -> None:
    async with composed.client() as stowage:
        known = {provider.name async for provider in stowage.providers.list()}
    assert known == {"S3", "Swift", "NFS", "directory", "memory"}


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
