"""Wishes that nothing can fulfil, messages that come late, and numbers nobody needs."""

from datetime import timedelta

import pytest
from image_store.intents.cleaning import ObjectWork
from image_store.keeping.reserving import reserve
from stowage_contracts.errors import Conflict, GrantRefused, NotFound
from stowage_contracts.message import Message
from stowage_contracts.messages.data_motion import CopyCancelled
from stowage_contracts.messages.hypervisor_agent import InspectObject, ObjectInspected
from stowage_contracts.messages.image_store import (
    AddZone,
    ChangeObject,
    CopyRequested,
    DeleteTemplate,
    EvacuateStore,
    FinishUpload,
    MakeLink,
    OpenUpload,
    RemoveStore,
    RequestCopy,
    TemplateChanged,
    VerifyReplica,
)
from stowage_contracts.values import ObjectRef, Scope, Verdict
from stowage_contracts.views import TemplateView

from tests.unit.image_store.scene import CONTENT, DIGEST, Scene, accepted

T1 = ObjectRef(kind="template", id="t1")
OTHER = "sha256-tree-4m:" + "cd" * 32
DOOR = "https://mover.example:8443"


async def carry_out(scene: Scene, request: CopyRequested) -> list[Message]:
    """What an agent and data-motion do with a copy."""
    hop = f"hop-{request.copy_id}"
    await scene.write(request, hop_id=hop)
    await scene.commit(request, hop_id=hop)
    return await scene.complete(request, accepted())


@pytest.fixture
async def ready(scene: Scene) -> Scene:
    await carry_out(scene, await scene.requested())
    return scene


async def kept(scene: Scene) -> list[CopyRequested]:
    """Copies the keeper asks for when it looks."""
    before = len(await scene.bench.said(CopyRequested))
    await scene.pass_seconds(1)
    await scene.bench.run_timers("keep")
    asked = (await scene.bench.said(CopyRequested))[before:]
    return [one for one in asked if isinstance(one, CopyRequested)]


async def shown(scene: Scene) -> TemplateView:
    changed = (await scene.bench.said(TemplateChanged))[-1]
    assert isinstance(changed, TemplateChanged)
    return changed.state


async def inspected(scene: Scene, **found: object) -> list[Message]:
    await scene.bench.run_timers("send-inspections")
    order = (await scene.bench.said(InspectObject))[-1]
    assert isinstance(order, InspectObject)
    told = {"verdict": accepted(), "size": len(CONTENT), "digest": DIGEST} | found
    report = ObjectInspected(inspection_id=order.inspection_id, host_id="h1", **told)
    return await scene.bench.handle(report, source="agent/h1")


async def test_a_wish_unfulfilled_for_weeks_stops_nobody_elses(ready: Scene) -> None:
    async with ready.bench.database.begin() as connection:
        await connection.execute("UPDATE stored_object SET attempts = 5000")
    await ready.bench.handle(ChangeObject(object=T1, min_copies=2))
    assert await kept(ready) == []
    await ready.store("s2")
    await ready.pass_seconds(700)
    assert len(await kept(ready)) == 1


async def test_uploads_of_absurd_sizes_leave_every_store_readable(scene: Scene) -> None:
    await scene.zone()
    await scene.store()
    async with scene.bench.database.begin() as connection:
        await connection.execute("UPDATE image_data_store SET total_bytes = NULL")
    for name in ("t1", "t2"):
        await scene.bench.handle(
            scene.registration(template_id=name, sealed_url="", size=(1 << 63) - 1)
        )
    await scene.store("s2")
    async with scene.bench.tx() as tx:
        assert await tx.row("store", "s1") is not None


async def test_a_deleted_upload_ends_at_once(scene: Scene) -> None:
    await scene.zone()
    await scene.store()
    await scene.bench.handle(scene.joined(door=DOOR), source="agent/h1")
    await scene.bench.handle(scene.registration(sealed_url="", size=len(CONTENT)))
    await scene.bench.ask(OpenUpload(object=T1, account_id="acme"))
    await scene.bench.handle(DeleteTemplate(template_id="t1"))
    await scene.bench.run_intents()
    with pytest.raises(Conflict):
        await scene.bench.ask(OpenUpload(object=T1, account_id="acme"))
    async with scene.bench.tx() as tx:
        assert await tx.row("object", "template", "t1") is None


async def test_a_copy_that_had_nothing_to_move_holds_nothing_back(ready: Scene) -> None:
    async def ask(copy_id: str) -> CopyRequested:
        command = RequestCopy(
            copy_id=copy_id, account_id="acme", template_id="t1", store_id="pool1"
        )
        said = await ready.bench.handle(command)
        return next(m for m in said if isinstance(m, CopyRequested))

    await ready.complete(await ask("copy2"), accepted())
    present = await ask("copy3")
    assert present.present
    done = ready.completed(present, None).model_copy(update={"receipt": None})
    await ready.bench.handle(done)
    await ready.bench.handle(DeleteTemplate(template_id="t1"))
    await ready.bench.run_intents()
    assert ready.leftovers("s1") == []


async def test_bytes_refused_long_ago_are_not_deleted_from_under_their_successor(
    ready: Scene,
) -> None:
    await ready.bench.run_intents()
    before = ready.leftovers("s1")
    async with ready.bench.tx() as tx:
        (ref,) = await tx.rows("refs_of", "template", "t1")
        work = ObjectWork(store_id="s1", key=ref["install_path"], of="older")
        await tx.intend("delete", work, key=work.name, within=timedelta(days=1))
    await ready.bench.run_intents()
    assert ready.leftovers("s1") == before


async def test_a_zone_whose_only_store_is_emptied_is_wished_for_no_more(scene: Scene) -> None:
    await scene.zone()
    await scene.store()
    said = await scene.bench.handle(scene.registration(scope=Scope.region()))
    await carry_out(scene, next(m for m in said if isinstance(m, CopyRequested)))
    await scene.bench.handle(AddZone(zone_id="z2", name="two"))
    await scene.store("s2", scope=Scope.zone("z2"))
    (request,) = await kept(scene)
    await carry_out(scene, request)
    await scene.bench.handle(EvacuateStore(store_id="s2", remove=True))
    for _ in range(3):
        await kept(scene)
        await scene.bench.run_intents()
        await scene.bench.run_timers("follow-evacuations")
    await scene.bench.run_intents()
    assert [one.store_id for one in (await shown(scene)).replicas] == ["s1"]
    async with scene.bench.tx() as tx:
        assert await tx.row("store", "s2") is None


async def test_an_emptied_store_keeps_the_only_replica_however_damaged(ready: Scene) -> None:
    await ready.store("s2")
    await ready.bench.handle(VerifyReplica(object=T1, store_id="s1"))
    await inspected(ready, digest=OTHER)
    await ready.bench.handle(EvacuateStore(store_id="s1", remove=True))
    for _ in range(2):
        await kept(ready)
        await ready.bench.run_timers("follow-evacuations")
        await ready.bench.run_intents()
    assert ready.leftovers("s1") != []
    async with ready.bench.tx() as tx:
        store = await tx.row("store", "s1")
    assert store is not None
    assert [one["resource"] for one in store["evacuation"]["blockers"]] == ["template/t1"]


async def test_a_verdict_on_a_store_being_removed_changes_nothing(scene: Scene) -> None:
    request = await scene.requested()
    await scene.write(request)
    await scene.commit(request)
    await scene.complete(request, None)
    await scene.bench.run_timers("send-inspections")
    await scene.bench.handle(RemoveStore(store_id="s1"))
    await inspected(scene)
    assert not (await shown(scene)).ready
    await scene.bench.run_intents()
    assert scene.leftovers("s1") == []


async def test_a_refusal_before_all_was_read_is_a_refusal(scene: Scene) -> None:
    await scene.zone()
    await scene.store()
    await scene.bench.handle(scene.joined(door=DOOR), source="agent/h1")
    await scene.bench.handle(scene.registration(sealed_url="", size=len(CONTENT)))
    opened = await scene.bench.ask(OpenUpload(object=T1, account_id="acme"))
    async with scene.bench.tx() as tx:
        ref = await tx.row("ref_of_upload", "template", "t1")
    assert ref is not None
    assert opened is not None
    async with scene.bench.tx() as tx:
        grant = await tx.row("write_grant_of", ref["id"])
    assert grant is not None
    part = scene.folder / "s1" / ".stowage" / f"{grant['writer']}.part"
    part.parent.mkdir(parents=True, exist_ok=True)
    part.write_bytes(CONTENT)
    await scene.bench.handle(FinishUpload(object=T1, size=len(CONTENT)))
    await scene.bench.run_intents()
    refusal = Verdict(accepted=False, code="image.backing", reason="no", gate_version=1)
    await inspected(scene, verdict=refusal, digest=None, size=None)
    error = (await shown(scene)).error
    assert error is not None
    assert error.code == "image.backing"


async def test_a_link_cannot_take_another_grants_id(ready: Scene) -> None:
    said = await ready.bench.handle(
        ready.registration(
            template_id="t2",
            copy_id="copy2",
            sealed_url=ready.sealed("http://images.example/b", ObjectRef(kind="template", id="t2")),
        )
    )
    request = next(m for m in said if isinstance(m, CopyRequested))
    for grant_id in (request.source.grant.id, request.destination.grant.id):
        with pytest.raises(GrantRefused):
            await ready.bench.ask(
                MakeLink(link_id=grant_id, object=T1, account_id="acme", seconds=60)
            )


async def test_what_nobody_could_read_is_not_shown_as_read(ready: Scene) -> None:
    async def row() -> object:
        async with ready.bench.tx() as tx:
            (ref,) = await tx.rows("refs_of", "template", "t1")
            return ref["verified"]

    before = await row()
    seconds = ready.bench.service.deps.settings.scrub_seconds
    await ready.pass_seconds(5 * seconds)
    await ready.bench.run_timers("scrub")
    for _ in range(ready.bench.service.deps.settings.inspect_attempts + 1):
        await ready.pass_seconds(3600)
        await ready.bench.run_timers("send-inspections")
    async with ready.bench.tx() as tx:
        assert await tx.value("verifications") == 0
    assert await row() == before
    await ready.bench.run_timers("scrub")
    async with ready.bench.tx() as tx:
        assert await tx.value("verifications") == 0
    await ready.bench.pass_time(timedelta(days=1))
    await ready.bench.run_timers("scrub")
    async with ready.bench.tx() as tx:
        assert await tx.value("verifications") == 1


async def test_a_replica_found_whole_again_has_its_siblings_made(ready: Scene) -> None:
    await ready.store("s2")
    await ready.bench.handle(VerifyReplica(object=T1, store_id="s1"))
    await inspected(ready, digest=OTHER)
    await ready.bench.handle(ChangeObject(object=T1, min_copies=2))
    assert await kept(ready) == []
    await ready.bench.handle(VerifyReplica(object=T1, store_id="s1"))
    await inspected(ready)
    assert len(await kept(ready)) == 1


async def test_a_copy_cancelled_after_its_commit_leaves_no_bytes(scene: Scene) -> None:
    request = await scene.requested()
    await scene.write(request)
    await scene.bench.handle(DeleteTemplate(template_id="t1"))
    await scene.commit(request)
    cancelled = CopyCancelled(
        state=scene.copy(request, "cancelled"), destination=request.destination, last=True
    )
    await scene.bench.handle(cancelled)
    await scene.bench.run_intents()
    assert scene.leftovers("s1") == []


async def test_more_bytes_than_promised_are_not_finished_on_a_full_store(scene: Scene) -> None:
    await scene.zone()
    await scene.store()
    await scene.bench.handle(scene.joined(door=DOOR), source="agent/h1")
    await scene.bench.handle(scene.registration(sealed_url="", size=10))
    await scene.bench.ask(OpenUpload(object=T1, account_id="acme"))
    async with scene.bench.database.begin() as connection:
        await connection.execute("UPDATE image_data_store SET total_bytes = 1000, used_bytes = 0")
    await scene.bench.handle(FinishUpload(object=T1, size=len(CONTENT)))
    error = (await shown(scene)).error
    assert error is not None
    assert error.code == "out_of_space"
    assert await scene.bench.intents("finish") == []


async def test_no_access_is_given_in_another_accounts_name(ready: Scene) -> None:
    await ready.bench.handle(ready.registration(template_id="t2", sealed_url="", size=10))
    upload = OpenUpload(object=ObjectRef(kind="template", id="t2"), account_id="mallory")
    link = MakeLink(link_id="l1", object=T1, account_id="mallory", seconds=60)
    for request in (upload, link):
        with pytest.raises(NotFound):
            await ready.bench.ask(request)


async def test_a_promise_of_fewer_bytes_that_comes_late_takes_nothing_back(scene: Scene) -> None:
    request = await scene.requested()
    async with scene.bench.tx() as tx:
        stale = await tx.row("ref_on", "template", "t1", "s1")
    assert stale is not None
    for size in (1000, 500):
        async with scene.bench.tx() as tx:
            await reserve(stale, size, tx, scene.bench.service.deps)
    async with scene.bench.tx() as tx:
        ref = await tx.row("ref_on", "template", "t1", request.destination.store_id or "")
    assert ref is not None
    assert ref["reserved"] == 1000
