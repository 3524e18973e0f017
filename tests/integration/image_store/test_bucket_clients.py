"""Clients and a real bucket: objects taken where they are, uploads by parts, presigned links."""

from __future__ import annotations

import json

import aiohttp
import pytest
from stowage_contracts.errors import Conflict
from stowage_contracts.messages.hypervisor_agent import InspectObject, ObjectInspected
from stowage_contracts.messages.image_store import (
    DeleteTemplate,
    FinishUpload,
    LinkMade,
    MakeLink,
    OpenUpload,
    TemplateChanged,
    UploadOpened,
)
from stowage_contracts.values import ImageFormat, ObjectRef, Scope, Verdict
from stowage_contracts.views import TemplateView
from stowage_runtime.secrets import Sealer

from tests.servers.s3 import S3Server
from tests.unit.image_store.scene import DIGEST, Scene, accepted

T1 = ObjectRef(kind="template", id="t1")
BYTES = b"bytes of an image" * 1000
WIDE = Scope.region()


@pytest.fixture
async def bucket(scene: Scene, s3_server: S3Server, s3_bucket: str) -> str:
    """A zone and a region-wide store ``s3``; the name of its bucket."""
    await scene.zone()
    secrets = {"access_key": s3_server.access_key, "secret_key": s3_server.secret_key}
    sealed = Sealer.seal(
        scene.keys["stowage_seal_public_key_image_store"],
        json.dumps(secrets).encode(),
        "image_data_store/s3",
    )
    told = {"endpoint": s3_server.endpoint, "bucket": s3_bucket, "region": s3_server.region}
    await scene.store("s3", provider="S3", scope=WIDE, settings=told, sealed=sealed)
    return s3_bucket


async def put(server: S3Server, bucket: str, key: str) -> None:
    async with server.client() as s3:
        await s3.put_object(Bucket=bucket, Key=key, Body=BYTES)


async def keys(server: S3Server, bucket: str) -> set[str]:
    """Objects in the bucket, manifests left out."""
    async with server.client() as s3:
        page = await s3.list_objects_v2(Bucket=bucket)
        found = {row["Key"] for row in page.get("Contents", [])}
    return {key for key in found if not key.startswith(".stowage/")}


async def shown(scene: Scene) -> TemplateView:
    changed = (await scene.bench.said(TemplateChanged))[-1]
    assert isinstance(changed, TemplateChanged)
    return changed.state


async def work(scene: Scene) -> None:
    """Carry out what is due, and what follows from it."""
    for _ in range(3):
        await scene.bench.run_intents()


async def judged(scene: Scene, verdict: Verdict) -> None:
    """An agent reads the whole object and says so."""
    await scene.bench.run_timers("send-inspections")
    order = (await scene.bench.said(InspectObject))[-1]
    assert isinstance(order, InspectObject)
    assert order.read_all
    report = ObjectInspected(
        inspection_id=order.inspection_id,
        host_id="h1",
        verdict=verdict,
        size=len(BYTES),
        digest=DIGEST,
    )
    await scene.bench.handle(report, source="agent/h1")
    await work(scene)


async def test_an_object_of_a_known_bucket_is_copied_on_its_server(
    scene: Scene, bucket: str, s3_server: S3Server
) -> None:
    await put(s3_server, bucket, "import/acme/disk")
    url = f"s3://{bucket}/import/acme/disk"
    await scene.bench.handle(scene.registration(url=url, scope=WIDE))
    await work(scene)
    assert not (await shown(scene)).ready
    await judged(scene, accepted())
    view = await shown(scene)
    assert (view.ready, view.size, view.digest) == (True, len(BYTES), DIGEST)
    assert await keys(s3_server, bucket) == {"import/acme/disk", "template/tmpl/acme/t1/t1.qcow2"}


async def test_an_object_registered_in_place_stays_when_its_template_goes(
    scene: Scene, bucket: str, s3_server: S3Server
) -> None:
    await put(s3_server, bucket, "golden/disk.qcow2")
    url = f"s3://{bucket}/golden/disk.qcow2"
    wish = scene.registration(url=url, scope=WIDE, admin=True, in_place=True)
    await scene.bench.handle(wish)
    await work(scene)
    await judged(scene, accepted())
    view = await shown(scene)
    assert view.ready
    assert [replica.in_place for replica in view.replicas] == [True]
    await scene.bench.handle(DeleteTemplate(template_id="t1"))
    await work(scene)
    assert await keys(s3_server, bucket) == {"golden/disk.qcow2"}
    async with scene.bench.tx() as tx:
        assert await tx.row("object", "template", "t1") is None


async def test_a_hostile_object_is_refused_in_place_and_not_touched(
    scene: Scene, bucket: str, s3_server: S3Server
) -> None:
    await put(s3_server, bucket, "golden/evil.qcow2")
    url = f"s3://{bucket}/golden/evil.qcow2"
    await scene.bench.handle(scene.registration(url=url, scope=WIDE, admin=True, in_place=True))
    await work(scene)
    refusal = Verdict(
        accepted=False,
        format=ImageFormat.QCOW2,
        code="image.backing_file",
        reason="it names a backing file",
        gate_version=1,
    )
    await judged(scene, refusal)
    error = (await shown(scene)).error
    assert error is not None
    assert error.code == "image.backing_file"
    assert await keys(s3_server, bucket) == {"golden/evil.qcow2"}


async def test_what_is_not_there_fails_with_that_reason(scene: Scene, bucket: str) -> None:
    url = f"s3://{bucket}/import/acme/nothing"
    await scene.bench.handle(scene.registration(url=url, scope=WIDE))
    await work(scene)
    error = (await shown(scene)).error
    assert error is not None
    assert error.code.startswith("not_found")


async def opened(scene: Scene, **asked: int) -> UploadOpened:
    reply = await scene.bench.ask(OpenUpload(object=T1, account_id="acme", **asked))
    assert isinstance(reply, UploadOpened)
    return reply


async def send(url: str) -> None:
    """As a client sends its only part."""
    async with aiohttp.ClientSession() as client, client.put(url, data=BYTES) as answer:
        assert answer.status == 200


async def test_an_upload_goes_straight_into_the_bucket_and_may_be_resumed(
    scene: Scene, bucket: str, s3_server: S3Server
) -> None:
    await scene.bench.handle(scene.registration(sealed_url="", size=len(BYTES), scope=WIDE))
    first = await opened(scene, part_count=5)
    assert first.grant is not None
    (part,) = first.grant.parts
    await send(part.url.get_secret_value())
    again = await opened(scene)
    assert again.grant is not None
    assert [(one.number, one.size) for one in again.grant.done] == [(1, len(BYTES))]
    await scene.bench.handle(FinishUpload(object=T1, size=len(BYTES)))
    await work(scene)
    await judged(scene, accepted())
    assert (await shown(scene)).ready
    assert await keys(s3_server, bucket) == {"template/tmpl/acme/t1/t1.qcow2"}
    with pytest.raises(Conflict):
        await opened(scene)


async def test_an_upload_of_unknown_length_reserves_what_its_parts_may_hold(
    scene: Scene, bucket: str
) -> None:
    await scene.bench.handle(scene.registration(sealed_url="", scope=WIDE))
    reply = await opened(scene, part_count=2)
    assert reply.grant is not None
    assert reply.grant.part_growth > 0
    async with scene.bench.tx() as tx:
        (ref,) = await tx.rows("replicas_of", "template", "t1")
    assert ref["reserved"] == 2 * reply.grant.part_size


async def test_an_abandoned_upload_leaves_nothing_in_the_bucket(
    scene: Scene, bucket: str, s3_server: S3Server
) -> None:
    await scene.bench.handle(scene.registration(sealed_url="", scope=WIDE))
    reply = await opened(scene, part_count=1)
    assert reply.grant is not None
    await send(reply.grant.parts[0].url.get_secret_value())
    await scene.pass_seconds(scene.bench.service.deps.settings.upload_seconds + 1)
    await scene.bench.run_timers("abandon-uploads")
    await work(scene)
    async with s3_server.client() as s3:
        left = await s3.list_multipart_uploads(Bucket=bucket)
    assert left.get("Uploads", []) == []
    assert (await shown(scene)).removed


async def test_a_link_is_presigned_for_one_object_and_one_method(
    scene: Scene, bucket: str, s3_server: S3Server
) -> None:
    await put(s3_server, bucket, "import/acme/disk")
    await scene.bench.handle(scene.registration(url=f"s3://{bucket}/import/acme/disk", scope=WIDE))
    await work(scene)
    await judged(scene, accepted())
    ask = MakeLink(link_id="l1", object=T1, account_id="acme", seconds=60)
    made = await scene.bench.ask(ask)
    assert isinstance(made, LinkMade)
    url = made.url.get_secret_value()
    async with aiohttp.ClientSession() as client:
        async with client.get(url) as answer:
            assert await answer.read() == BYTES
        async with client.put(url, data=b"x") as answer:
            assert answer.status == 403
        async with client.get(url.replace("t1.qcow2", "t2.qcow2")) as answer:
            assert answer.status == 403
