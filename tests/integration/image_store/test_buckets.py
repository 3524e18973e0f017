"""Stores in real buckets: changed while they serve, scanned, cleaned, adopted, removed."""

from stowage_contracts.catalogue import FindingKind
from stowage_contracts.messages.image_store import (
    AdoptStore,
    ChangeStore,
    CleanStore,
    DeleteTemplate,
    ProbeStore,
    RemoveStore,
    StoreRemoved,
)
from stowage_contracts.values import ReplicaState, StoreState

from tests.integration.image_store.bucket import Bucket
from tests.unit.image_store.scene import CONTENT, accepted

DAY = 86400.0


async def _put(bucket: Bucket, key: str, content: bytes) -> None:
    async with bucket.server.client() as s3:
        await s3.put_object(Bucket=bucket.name, Key=key, Body=content)


async def _keys(bucket: Bucket) -> list[str]:
    async with bucket.server.client() as s3:
        found = await s3.list_objects_v2(Bucket=bucket.name)
    return sorted(row["Key"] for row in found.get("Contents", []))


async def test_new_keys_are_tried_first_and_copies_under_way_go_on(bucket: Bucket) -> None:
    await bucket.add()
    request = await bucket.requested()
    wrong = ChangeStore(store_id="s1", sealed=bucket.sealed(secret_key="canary-wrong"))
    await bucket.scene.bench.handle(wrong)
    await bucket.settle()
    view = await bucket.view()
    assert view.state is StoreState.UP
    assert view.error is not None
    assert "canary" not in view.model_dump_json()
    await bucket.write(request)
    right = ChangeStore(store_id="s1", sealed=bucket.sealed(), settings={"page": 100})
    await bucket.scene.bench.handle(right)
    await bucket.settle()
    await bucket.scene.commit(request)
    await bucket.scene.complete(request, accepted())
    assert (await bucket.template()).ready
    view = await bucket.view()
    assert (view.settings["page"], view.error) == (100, None)


async def test_a_bucket_that_does_not_hold_the_replicas_is_not_taken(bucket: Bucket) -> None:
    await bucket.add()
    await bucket.ready()
    change = ChangeStore(store_id="s1", settings={"prefix": "elsewhere"})
    await bucket.scene.bench.handle(change)
    await bucket.settle()
    view = await bucket.view()
    assert view.settings["prefix"] == ""
    assert view.error is not None
    assert "replicas" in view.error.cause


async def test_a_read_only_bucket_stays_read_only_over_probes(bucket: Bucket) -> None:
    await bucket.add()
    await bucket.scene.bench.handle(ChangeStore(store_id="s1", state="ReadOnly"))
    await bucket.scene.bench.handle(ProbeStore(store_id="s1"))
    await bucket.settle()
    assert (await bucket.view()).state is StoreState.READ_ONLY


async def test_foreign_files_open_uploads_and_lost_objects_are_found(bucket: Bucket) -> None:
    await bucket.add()
    lost, cut = await bucket.ready("t1"), await bucket.ready("t2")
    making = await bucket.requested("t3")
    await bucket.write(making)
    await _put(bucket, "foreign.iso", b"?")
    await _put(bucket, cut, b"cut")
    async with bucket.server.client() as s3:
        await s3.delete_object(Bucket=bucket.name, Key=lost)
        await s3.create_multipart_upload(Bucket=bucket.name, Key="abandoned")
    await bucket.scan()
    told = {(one.kind, one.key) for one in (await bucket.findings()).findings}
    assert told == {
        (FindingKind.ORPHAN, "foreign.iso"),
        (FindingKind.MISSING, lost),
        (FindingKind.MISMATCHED, cut),
        (FindingKind.OPEN_WRITE, "abandoned"),
    }
    await bucket.scan()
    states = [(await bucket.template(each)).replicas[0].state for each in ("t1", "t2")]
    assert states == [ReplicaState.FAILED, ReplicaState.FAILED]
    await bucket.scene.pass_seconds(DAY + 1)
    await bucket.scan()
    async with bucket.server.client() as s3:
        uploads = await s3.list_multipart_uploads(Bucket=bucket.name)
    assert [row["Key"] for row in uploads["Uploads"]] == [making.destination.key]
    orphan = [one for one in (await bucket.findings()).findings if one.key == "foreign.iso"]
    await bucket.scene.bench.handle(CleanStore(store_id="s1", finding_ids=(orphan[0].id,)))
    await bucket.settle()
    assert "foreign.iso" not in await _keys(bucket)


async def test_a_lost_catalogue_is_adopted_from_the_bucket(bucket: Bucket) -> None:
    await bucket.add()
    keys = [await bucket.ready(f"t{number}") for number in (1, 2)]
    before = [await bucket.template(f"t{number}") for number in (1, 2)]
    await _put(bucket, "foreign.iso", CONTENT)
    async with bucket.scene.bench.database.begin() as connection:
        for table in ("object_store_ref", "stored_object", "inspections", "grants", "verdicts"):
            await connection.execute(f"DELETE FROM {table}")
    await bucket.scene.bench.forget()
    await bucket.scene.bench.handle(AdoptStore(store_id="s1"))
    await bucket.settle()
    assert await bucket.judge() == 2
    await bucket.settle()
    blank = {"replicas": ()}
    after = [await bucket.template(f"t{number}") for number in (1, 2)]
    assert [view.model_copy(update=blank) for view in after] == [
        view.model_copy(update=blank) for view in before
    ]
    assert all(view.replicas[0].state is ReplicaState.READY for view in after)
    assert [one.key for one in (await bucket.findings()).findings] == ["foreign.iso"]
    assert {*keys, "foreign.iso"} <= set(await _keys(bucket))


async def test_a_bucket_we_made_goes_with_its_store(bucket: Bucket) -> None:
    made = f"{bucket.name}-made"
    await bucket.add(bucket=made, create=True)
    await bucket.ready()
    await bucket.scene.bench.handle(DeleteTemplate(template_id="t1"))
    await bucket.settle()
    await bucket.scene.bench.handle(RemoveStore(store_id="s1"))
    await bucket.settle()
    (removed,) = await bucket.scene.bench.said(StoreRemoved)
    assert isinstance(removed, StoreRemoved)
    assert removed.state.error is None
    async with bucket.server.client() as s3:
        names = [row["Name"] for row in (await s3.list_buckets())["Buckets"]]
    assert made not in names
