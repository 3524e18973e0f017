"""CloudStack's templates and ISOs with the real owners, on a directory and Ceph RGW."""

from __future__ import annotations

import asyncio
import hashlib
import io
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from tests.e2e.deployment import API_KEY, Backing, deployed
from tests.e2e.operator import POOL, ZONE, Operator
from tests.e2e.sources import MIB, Source, image, serving
from tests.servers.ports import free_ports
from tests.unit.api_gateway.cloudstack.client import CloudStack
from tests.unit.api_gateway.cloudstack.people import domain, person

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(180)]
FAR = "z2"
"""A zone that only the store on RGW reaches."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def operator(
    tmp_path_factory: pytest.TempPathFactory, backing: Backing
) -> AsyncIterator[Operator]:
    """As everywhere, but the host has a door."""
    folder: Path = tmp_path_factory.mktemp("deployment")
    async with deployed(folder, backing) as deployment, Operator.of(deployment) as operator:
        await operator.places()
        await operator.call("POST", "zones", {"id": FAR, "name": "far"})
        await operator.directory_store()
        (port,) = free_ports(1)
        listen = f"127.0.0.1:{port}"
        await operator.host(door_listen=listen, door_url=f"http://{listen}")
        yield operator


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def cs(operator: Operator) -> AsyncIterator[CloudStack]:
    async with aiohttp.ClientSession(operator.deployment.url) as session:
        yield CloudStack(session, API_KEY, "unused")


async def ended(cs: CloudStack, job_id: str) -> dict[str, Any]:
    """A job once it is over."""
    async with asyncio.timeout(60):
        while (job := await cs.job(job_id))["jobstatus"] == 0:
            await asyncio.sleep(0.1)
    return job


async def settled(cs: CloudStack, key: str, kind: str = "template") -> list[dict[str, Any]]:
    """Its rows once each is ready or one of them tells of a failure."""
    command = "listTemplates" if kind == "template" else "listIsos"
    asked = {f"{kind}filter": "self", "id": key}
    async with asyncio.timeout(60):
        while True:
            rows = await cs.rows(command, kind, **asked)
            words = ("Processing", "Downloaded", "Uploaded", "Installing")
            if not any(word in row["status"] for row in rows for word in words):
                return rows
            await asyncio.sleep(0.1)


async def register(cs: CloudStack, source: Source, **changes: Any) -> str:
    wanted = {
        "name": "disk",
        "url": f"{source.url}.raw",
        "format": "RAW",
        "hypervisor": "KVM",
        "ostypeid": "1",
        "zoneid": ZONE,
        "checksum": hashlib.sha512(source.content).hexdigest(),
        **changes,
    }
    reply = await cs.call("registerTemplate", **wanted)
    assert reply.status == 200, reply
    key: str = reply.body["template"][0]["id"]
    return key


async def test_registered_extracted_prepared_and_deleted(
    operator: Operator, cs: CloudStack
) -> None:
    async with serving(Source(image(5 * MIB))) as source:
        key = await register(cs, source, isextractable=True)
        (row,) = await settled(cs, key)
    assert (row["isready"], row["status"]) == (True, "Download Complete"), row
    assert (row["size"], row["physicalsize"]) == (5 * MIB, 5 * MIB)
    assert row["downloaddetails"][0]["downloadState"] == "DOWNLOADED"

    started = await cs.call("extractTemplate", id=key, mode="HTTP_DOWNLOAD", zoneid=ZONE)
    job = await ended(cs, started.body["jobid"])
    url = job["jobresult"]["template"]["url"]
    async with aiohttp.ClientSession() as anybody, anybody.get(url) as answer:
        assert await answer.read() == source.content

    assert (await cs.call("prepareTemplate", templateid=key, zoneid=ZONE)).status == 200
    async with asyncio.timeout(60):
        while not await on_pool(operator, key):
            await asyncio.sleep(0.1)

    started = await cs.call("deleteTemplate", id=key)
    assert (await ended(cs, started.body["jobid"]))["jobresult"] == {"success": True}
    assert await cs.rows("listTemplates", "template", templatefilter="all", ids=key) == []


async def on_pool(operator: Operator, key: str) -> bool:
    state = await operator.call("GET", f"templates/{key}")
    return any(r["store_id"] == POOL and r["state"] == "Ready" for r in state["replicas"])


async def test_what_the_source_refuses_is_told(cs: CloudStack) -> None:
    async with serving(Source(image(1 * MIB))) as source:
        key = await register(cs, source, checksum="0" * 32)
        (row,) = await settled(cs, key)
    assert row["isready"] is False
    assert "md5" in row["status"].lower(), row
    assert row["downloaddetails"][0]["downloadState"] == "DOWNLOAD_ERROR"


async def test_copied_to_a_zone_and_taken_from_one(
    operator: Operator, cs: CloudStack, s3_store: str
) -> None:
    async with serving(Source(image(3 * MIB, 2))) as source:
        key = await register(cs, source, name="travels")
        await settled(cs, key)
        started = await cs.call("copyTemplate", id=key, sourcezoneid=ZONE, destzoneid=FAR)
        job = await ended(cs, started.body["jobid"])
    assert job["jobstatus"] == 1, job
    rows = await settled(cs, key)
    assert {row["zoneid"]: row["isready"] for row in rows} == {ZONE: True, FAR: True}
    started = await cs.call("deleteTemplate", id=key, zoneid=ZONE)
    assert (await ended(cs, started.body["jobid"]))["jobstatus"] == 1
    assert [row["zoneid"] for row in await settled(cs, key)] == [FAR]


@pytest.mark.parametrize("zone", [ZONE, FAR])
async def test_uploaded_as_a_form(cs: CloudStack, s3_store: str, zone: str) -> None:
    content = image(13 * MIB + 512, 3)
    wanted = {"name": "mine", "format": "RAW", "hypervisor": "KVM", "zoneid": zone}
    checksum = hashlib.md5(content, usedforsecurity=False).hexdigest()
    reply = await cs.call("getUploadParamsForTemplate", **wanted, checksum=checksum)
    assert reply.status == 200, reply
    told = reply.body["getuploadparams"]
    form = aiohttp.FormData()
    form.add_field("files[]", io.BytesIO(content), filename="mine.raw")
    headers = {f"X-{name}": told[name] for name in ("signature", "metadata", "expires")}
    posting = partial(aiohttp.ClientSession.post, data=form, headers=headers)
    async with aiohttp.ClientSession() as anybody, posting(anybody, told["postURL"]) as answer:
        assert answer.status == 200, await answer.text()
    (row,) = await settled(cs, told["id"])
    assert (row["isready"], row["physicalsize"]) == (True, len(content)), row


async def test_an_account_has_no_more_bytes_than_it_may_and_ends_with_its_things(
    cs: CloudStack,
) -> None:
    sales = await domain(cs, "sales")
    chief = await person(cs, "chief", domainid=sales, accounttype=2)
    ada, eve = await person(chief.cs, "ada"), await person(cs, "eve")
    bound = {"resourcetype": 11, "account": "ada", "domainid": sales}
    assert (await chief.cs.call("updateResourceLimit", max=0, **bound)).status == 200
    async with serving(Source(image(2 * MIB, 4))) as source:
        refused = await register(ada.cs, source)
        (row,) = await settled(ada.cs, refused)
        assert "may have" in row["status"], row
        assert (await chief.cs.call("updateResourceLimit", max=1, **bound)).status == 200
        key = await register(ada.cs, source)
        (row,) = await settled(ada.cs, key)
    assert row["isready"] is True, row
    counted = await chief.cs.rows("updateResourceCount", "resourcecount", **bound)
    assert [row["resourcecount"] for row in counted] == [1]

    extract = {"id": key, "mode": "HTTP_DOWNLOAD", "zoneid": ZONE}
    for command, params in (("extractTemplate", extract), ("deleteTemplate", {"id": key})):
        assert (await eve.cs.call(command, **params)).error[0] == 431
    assert (await cs.call("deleteAccount", id=ada.account_id)).error[0] == 431
    for each in (refused, key):
        started = await chief.cs.call("deleteTemplate", id=each)
        assert (await ended(chief.cs, started.body["jobid"]))["jobstatus"] == 1
    started = await cs.call("deleteAccount", id=ada.account_id)
    assert (await ended(cs, started.body["jobid"]))["jobstatus"] == 1
    assert (await ada.cs.call("listTemplates", templatefilter="self")).error[0] == 401


async def test_made_of_a_snapshot(operator: Operator, cs: CloudStack) -> None:
    async with serving(Source(image(2 * MIB, 4))) as source:
        body = {"id": "sn1", "name": "nightly", "url": source.url, "format": "raw", "zone_id": ZONE}
        await operator.call("POST", "snapshots", body)
        snapshot = await operator.settle("snapshots/sn1")
    assert snapshot["ready"], snapshot["error"]
    reply = await cs.call("createTemplate", name="golden", ostypeid="1", snapshotid="sn1")
    job = await ended(cs, reply.body["jobid"])
    assert job["jobstatus"] == 1, job
    made = await operator.call("GET", f"templates/{reply.body['id']}")
    assert (made["ready"], made["digest"]) == (True, snapshot["digest"])
