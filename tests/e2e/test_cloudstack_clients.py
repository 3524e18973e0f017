"""Clients that operators have, unmodified, against the gateway and the services behind it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.e2e.clients import toolchains, with_cs, with_libcloud
from tests.e2e.clients.day import OTHER, Day
from tests.e2e.deployment import Backing, deployed
from tests.e2e.operator import ZONE, Operator
from tests.e2e.sources import MIB, Source, image, serving
from tests.images import Iso
from tests.servers.ports import free_ports

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(400)]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def operator(
    tmp_path_factory: pytest.TempPathFactory, backing: Backing
) -> AsyncIterator[Operator]:
    """Of two zones and a host whose door serves links; one store is of a zone, one of both."""
    folder = tmp_path_factory.mktemp("clients")
    async with deployed(folder, backing) as deployment, Operator.of(deployment) as operator:
        await operator.places()
        await operator.directory_store()
        door = f"127.0.0.1:{free_ports(1)[0]}"
        await operator.host(door_listen=door, door_url=f"http://{door}")
        await _other_zone(operator)
        yield operator


async def _other_zone(operator: Operator) -> None:
    await operator.call("POST", "zones", {"id": OTHER, "name": "other"})
    root = operator.deployment.folder / "s2"
    root.mkdir()
    body = {
        "id": "s2",
        "name": "s2",
        "provider": "directory",
        "scope": "region",
        "settings": {"root": str(root)},
    }
    await operator.call("POST", "stores", body)
    store = await operator.settle("stores/s2")
    assert store["state"] == "Up", store["error"]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def source() -> AsyncIterator[Source]:
    async with serving(Source(image(2 * MIB))) as source:
        yield source


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def iso() -> AsyncIterator[Source]:
    async with serving(Source(Iso(blocks=600).build())) as source:
        yield source


@pytest_asyncio.fixture(loop_scope="module")
async def day(operator: Operator, source: Source, iso: Source, tmp_path: Path) -> Day:
    root = operator.deployment.folder / tmp_path.name
    root.mkdir()
    body = {"name": "kept", "url": f"{source.url}.img", "format": "raw", "zone_id": ZONE}
    made = await operator.call("POST", "snapshots", body)
    snapshot = await operator.settle(f"snapshots/{made['id']}")
    assert snapshot["ready"], snapshot["error"]
    return Day(
        url=f"{operator.deployment.url}/client/api",
        image=f"{source.url}.img",
        sha256=source.sha256,
        missing=source.url.replace("/image", "/none.img"),
        iso=f"{iso.url}.iso",
        snapshot=made["id"],
        root=root,
    )


async def test_cs_adds_lists_and_deletes_a_store(day: Day) -> None:
    seen = await asyncio.to_thread(with_cs.stores, day)
    assert seen["store"]["name"] == "cs-store"
    assert {"s1", "s2", "cs-store"} <= set(seen["listed"])
    assert seen["gone"]["success"] is True
    assert seen["left"] == {}


async def test_cs_registers_extracts_copies_and_deletes_a_template(day: Day) -> None:
    seen = await asyncio.to_thread(with_cs.templates, day)
    assert not seen["made"]["isready"]
    assert seen["ready"]["status"] == "Download Complete"
    assert seen["ready"]["size"] == 2 * MIB
    assert seen["link"]["state"] == "DOWNLOAD_URL_CREATED"
    assert seen["content"] == day.sha256
    assert seen["copied"]["id"] == seen["made"]["id"]
    assert seen["zones"] == {ZONE, OTHER}
    assert seen["deleted"]["success"] is True
    assert seen["left"][0] == 431


async def test_cs_works_with_volumes_and_snapshots(day: Day) -> None:
    seen = await asyncio.to_thread(with_cs.disks, day)
    assert [volume["state"] for volume in seen["volumes"]] == ["Uploaded", "Uploaded"]
    assert seen["pages"] == {volume["id"] for volume in seen["volumes"]}
    assert seen["volume"] == seen["snapshot"] == day.sha256
    assert seen["copied"] == day.snapshot
    assert seen["zones"] == {ZONE, OTHER}
    assert seen["deleted"][0] is True
    assert seen["deleted"][2] is True
    assert seen["left"] == {}


async def test_cs_follows_jobs_and_is_told_what_is_wrong(day: Day) -> None:
    seen = await asyncio.to_thread(with_cs.jobs, day)
    assert seen["started"] == {"jobid"}
    assert seen["failed"][0] >= 430
    assert "404" in seen["failed"][1]
    assert seen["job"] in seen["listed"]
    assert seen["nothing"][0] == 431
    assert seen["unknown"][0] == 432
    assert seen["page"][0] == 431
    assert seen["stranger"][0] == 401


async def test_libcloud_sees_images_and_disks(operator: Operator, source: Source, day: Day) -> None:
    made = await operator.register(f"{source.url}.img", name="for libcloud")
    await operator.settle(f"templates/{made['id']}")
    seen = await asyncio.to_thread(with_libcloud.worked, day)
    assert seen["locations"] == {ZONE: "zone", OTHER: "other"}
    (found,) = [found for found in seen["images"] if found.id == made["id"]]
    assert found.extra["size"] == 2 * MIB
    assert found.extra["os"] == "Other (64-bit)"
    assert seen["iso"]["iso"][0]["name"] == "libcloud iso"
    assert seen["offerings"] == ["Custom"]
    assert day.snapshot in seen["snapshots"]
    assert seen["deleted"] is True
    assert "max_images" in seen["limits"]
    assert "not supported" in seen["refused"]


async def test_cloudstack_go(day: Day, pytestconfig: pytest.Config) -> None:
    cache = pytestconfig.cache
    assert cache is not None
    steps = await asyncio.to_thread(toolchains.with_go, day, cache.mkdir("go-build"))
    assert steps["store"] == {"name": "go-store", "zone": ZONE, "count": 1}
    assert steps["template"] == {"status": "Download Complete", "size": 2 * MIB}
    assert steps["extract"] == {"content": day.sha256, "state": "DOWNLOAD_URL_CREATED"}
    assert steps["copied"] == {"same": True}
    assert steps["volume"] == {"state": "Uploaded", "size": 2 * MIB, "count": 1}
    assert steps["volume gone"] == {"success": True, "content": day.sha256}
    assert steps["snapshot"] == {"state": "BackedUp", "zone": ZONE, "count": 1}
    assert steps["snapshot gone"] is True
    assert steps["pages"] == [f"{ZONE} of 2", f"{OTHER} of 2"]
    assert steps["deleted"] == {"template": True, "store": True}
    assert "431" in steps["refused"]
    assert steps["none"] == {"count": 0}
    assert "404" in steps["failed"]


async def test_ansible(day: Day, tmp_path: Path) -> None:
    seen = await asyncio.to_thread(toolchains.with_ansible, day, tmp_path)
    assert seen["zone"] == ZONE
    assert (seen["made"], seen["again"], seen["gone"]) == (True, False, True)
    assert seen["status"] == "Download Complete"
    assert seen["os_type"] == "Debian GNU/Linux 12 (64-bit)"
    assert seen["unchanged"]
    assert seen["volume"] == 2 * MIB
    assert "nowhere" in seen["nowhere"]
