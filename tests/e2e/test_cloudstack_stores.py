"""CloudStack's store commands with the real owners, on directories and Ceph RGW."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from tests.e2e.deployment import API_KEY
from tests.e2e.operator import ZONE, Operator
from tests.e2e.sources import MIB, Source, image, serving
from tests.servers.s3 import S3Server, fresh_bucket
from tests.unit.api_gateway.cloudstack.client import CloudStack

pytestmark = pytest.mark.asyncio(loop_scope="module")
DATA, NAMED = "migrateSecondaryStorageData", "migrateResourceToAnotherSecondaryStorage"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def cs(operator: Operator) -> AsyncIterator[CloudStack]:
    async with aiohttp.ClientSession(operator.deployment.url) as session:
        yield CloudStack(session, API_KEY, "unused")


@dataclass(frozen=True)
class Rgw:
    """An image store on Ceph, and how it was added."""

    id: str
    params: dict[str, Any]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def rgw(cs: CloudStack, s3_server: S3Server) -> AsyncIterator[Rgw]:
    """Added with the parameters that CloudStack has for it."""
    async with fresh_bucket(s3_server) as bucket:
        scheme, _, host = s3_server.endpoint.partition("://")
        params = {
            "endpoint": host,
            "usehttps": scheme == "https",
            "bucket": bucket,
            "accesskey": s3_server.access_key,
            "secretkey": s3_server.secret_key,
        }
        reply = await cs.call("addImageStoreS3", **params)
        assert reply.status == 200, reply
        yield Rgw(reply.body["imagestore"]["id"], params)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def template(operator: Operator, rgw: Rgw) -> AsyncIterator[tuple[str, bytes]]:
    """A template on it, with its bytes."""
    async with serving(Source(image(5 * MIB))) as source:
        made = await operator.register(source.url, store_ids=[rgw.id])
        found = await operator.settle(f"templates/{made['id']}")
        assert found["ready"], found["error"]
        yield made["id"], source.content


async def ended(cs: CloudStack, job_id: str) -> dict[str, Any]:
    """A job once it is over."""
    async with asyncio.timeout(60):
        while (job := await cs.job(job_id))["jobstatus"] == 0:
            await asyncio.sleep(0.1)
    return job


async def where(operator: Operator, template_id: str) -> set[str]:
    """Image stores that hold a template ready."""
    state = await operator.call("GET", f"templates/{template_id}")
    return {r["store_id"] for r in state["replicas"] if r["state"] == "Ready"}


async def test_one_place_is_one_store_and_secrets_stay_inside(
    operator: Operator, cs: CloudStack, rgw: Rgw
) -> None:
    again = await cs.call("addImageStoreS3", **rgw.params)
    assert again.error[0] == 431
    assert "already a store" in again.error[1]
    wrong = await cs.call("addImageStoreS3", **{**rgw.params, "secretkey": "canary-key"})
    assert wrong.status >= 431
    listed = await cs.rows("listImageStores", "imagestore", zoneid=ZONE)
    assert [row["scope"] for row in listed] == ["ZONE", "REGION"]
    told = "".join(path.read_text() for path in operator.deployment.folder.glob("*.log"))
    assert "canary-key" not in told
    assert rgw.params["secretkey"] not in told + str(listed)


async def test_a_store_that_is_not_there_is_not_added(operator: Operator, cs: CloudStack) -> None:
    url = f"file://{operator.deployment.folder}/missing"
    before = await cs.rows("listImageStores", "imagestore")
    reply = await cs.call("addImageStore", provider="DIRECTORY", url=url, zoneid=ZONE)
    assert reply.status in (431, 530), reply
    assert reply.error[1]
    assert await cs.rows("listImageStores", "imagestore") == before


async def test_what_is_on_a_store_is_browsed_and_downloaded(
    operator: Operator, cs: CloudStack, rgw: Rgw, template: tuple[str, bytes]
) -> None:
    key, content = template
    path, names = "", []
    while True:
        found = await cs.rows("listImageStoreObjects", "datastoreobject", id=rgw.id, path=path)
        (entry,) = [one for one in found if one["name"] != "snapshots"]
        names.append(entry["name"])
        path = f"{path}/{entry['name']}"
        if not entry["isdirectory"]:
            break
    assert names == ["template", "tmpl", "admin", key, f"{key}.raw"]
    assert (entry["templateid"], entry["size"]) == (key, len(content))
    started = await cs.call("downloadImageStoreObject", id=rgw.id, path=path)
    job = await ended(cs, started.body["jobid"])
    url = job["jobresult"]["downloadimagestoreobjectresponse"]["url"]
    async with aiohttp.ClientSession() as session, session.get(url) as reply:
        assert await reply.read() == content


async def test_a_disabled_store_gives_no_access_until_it_is_enabled(
    cs: CloudStack, rgw: Rgw, template: tuple[str, bytes]
) -> None:
    path = f"template/tmpl/admin/{template[0]}/{template[0]}.raw"
    off = await cs.call("disableImageStore", id=rgw.id)
    assert off.body["imagestore"]["state"] == "Disabled"
    refused = await cs.call("downloadImageStoreObject", id=rgw.id, path=path)
    assert refused.error[0] == 431
    on = await cs.call("enableImageStore", id=rgw.id)
    assert on.body["imagestore"]["state"] == "Enabled"
    assert (await cs.call("downloadImageStoreObject", id=rgw.id, path=path)).status == 200


async def test_a_store_is_renamed_and_told_what_it_holds(
    cs: CloudStack, rgw: Rgw, template: tuple[str, bytes]
) -> None:
    room = 1 << 40
    changed = await cs.call("updateImageStore", id=rgw.id, name="ceph", capacitybytes=room)
    shown = changed.body["imagestore"]
    assert (shown["name"], shown["disksizetotal"], shown["readonly"]) == ("ceph", room, False)
    read_only = await cs.call("updateImageStore", id=rgw.id, readonly=True)
    assert read_only.body["imagestore"]["readonly"] is True
    back = await cs.call("updateImageStore", id=rgw.id, readonly=False)
    assert back.body["imagestore"]["readonly"] is False


async def test_objects_are_migrated_and_an_emptied_store_is_deleted(
    operator: Operator, cs: CloudStack, rgw: Rgw, template: tuple[str, bytes]
) -> None:
    key, _ = template
    refused = await cs.call("deleteImageStore", id=rgw.id)
    assert refused.error[0] == 431
    assert key in refused.error[1]
    root = operator.deployment.folder / "second"
    root.mkdir()
    added = await cs.call(
        "addImageStore", provider="directory", name="second", url=f"file://{root}", zoneid=ZONE
    )
    second = added.body["imagestore"]["id"]
    moved = await cs.call(NAMED, srcpool=rgw.id, destpool=second, templates=key)
    job = await ended(cs, moved.body["jobid"])
    assert job["jobstatus"] == 1, job
    assert await where(operator, key) == {second}
    emptied = await cs.call(DATA, srcpool=second, destpools=rgw.id, migrationtype="complete")
    job = await ended(cs, emptied.body["jobid"])
    assert job["jobresult"]["imagestore"]["migrationtype"] == "COMPLETE", job
    assert await where(operator, key) == {rgw.id}
    (left,) = await cs.rows("listImageStores", "imagestore", id=second)
    assert left["readonly"] is True
    assert (await cs.call("deleteImageStore", id=second)).body == {"success": True}
    assert await cs.rows("listImageStores", "imagestore", id=second) == []


async def test_a_staging_store_comes_and_goes(operator: Operator, cs: CloudStack) -> None:
    root = operator.deployment.folder / "staging"
    root.mkdir()
    added = await cs.call(
        "createSecondaryStagingStore", provider="directory", url=f"file://{root}", zoneid=ZONE
    )
    assert added.status == 200, added
    key = added.body["secondarystorage"]["id"]
    listing = "listSecondaryStagingStores"
    assert [row["id"] for row in await cs.rows(listing, "imagestore")] == [key]
    assert (await cs.call("deleteSecondaryStagingStore", id=key)).body == {"success": True}
    assert await cs.rows(listing, "imagestore") == []


async def test_a_selector_decides_where_templates_go(
    operator: Operator, cs: CloudStack, rgw: Rgw
) -> None:
    rule = f'{{"store_ids": ["{rgw.id}"]}}'
    made = await cs.call(
        "createSecondaryStorageSelector",
        name="all to ceph",
        description="until told otherwise",
        zoneid=ZONE,
        type="TEMPLATE",
        heuristicrule=rule,
    )
    assert made.status == 200, made
    key = made.body["heuristics"]["id"]
    await operator.settle(f"placement-rules/{key}.0")
    wanted = {"kind": "template", "format": "raw", "zone_id": ZONE}
    async with asyncio.timeout(30):
        while True:
            answer = await operator.call("POST", "placement/explain", wanted)
            chosen = [one["store_id"] for one in answer["answers"] if one["chosen"]]
            if answer["rule_id"]:
                break
            await asyncio.sleep(0.05)
    assert chosen == [rgw.id]
    assert (await cs.call("removeSecondaryStorageSelector", id=key)).body == {"success": True}
