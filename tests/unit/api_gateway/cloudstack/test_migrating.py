"""Image stores' data on the move: jobs that end when their owner says so."""

from datetime import timedelta
from typing import Any

import pytest
from stowage_contracts.catalogue import PlannedMove
from stowage_contracts.errors import Conflict, OutOfSpace
from stowage_contracts.message import Message
from stowage_contracts.messages.image_store import (
    AddStore,
    DemoteStore,
    EvacuateStore,
    MoveReplicas,
    MovesPlanned,
    PlanMoves,
    StoreAdded,
    StoreChanged,
)
from stowage_contracts.values import ObjectRef, Scope
from stowage_contracts.views import EvacuationEnd, EvacuationView, ReplicaView

from tests.unit.api_gateway import words
from tests.unit.api_gateway.cloudstack.client import CloudStack
from tests.unit.api_gateway.cloudstack.playing import Bench, owner
from tests.unit.api_gateway.cloudstack.test_image_stores import stores, view

__all__ = ["stores"]
TEMPLATE, SNAPSHOT = ObjectRef(kind="template", id="t1"), ObjectRef(kind="snapshot", id="n1")
FULL = OutOfSpace("no room on s2").problem
PAST = words.CREATED


@pytest.fixture
async def two(stores: Bench) -> Bench:
    """Image stores s1 to s4: two of z1, one of z2, one that is read-only."""
    await stores.handle(words.zone("z2", "two"), sequence=2)
    scopes = {"s1": Scope.zone("z1"), "s2": Scope.zone("z1"), "s3": Scope.zone("z2")}
    for number, (key, scope) in enumerate(scopes.items()):
        await stores.handle(words.store(key, scope=scope), sequence=number + 1)
    await stores.handle(words.store("s4", state="ReadOnly"), sequence=9)
    await stores.handle(words.store("c1", role="ImageCache"), sequence=10)
    return stores


def replica(store_id: str, state: str = "Ready") -> ReplicaView:
    return ReplicaView(store_id=store_id, role="Image", state=state)


def plans(*moves: tuple[ObjectRef, str | None, bool]) -> Any:
    def answer(question: PlanMoves) -> MovesPlanned:
        told = tuple(
            PlannedMove(object=o, size=1, to_store_id=to, possible=ok, reason="so")
            for o, to, ok in moves
        )
        return MovesPlanned(store_id=question.store_id, moves=told)

    return answer


async def started(cs: CloudStack, command: str, **params: object) -> str:
    reply = await cs.call(command, **params)
    assert (reply.status, reply.envelope) == (200, f"{command.lower()}response"), reply
    assert list(reply.body) == ["jobid"]
    return str(reply.body["jobid"])


async def emptying(cs: CloudStack, two: Bench) -> tuple[str, EvacuateStore]:
    job = await started(
        cs, "migrateSecondaryStorageData", srcpool="s1", destpools="s1,s2,s4,nothing"
    )
    (said,) = await two.said()
    assert isinstance(said, EvacuateStore)
    return job, said


async def evacuated(two: Bench, sequence: int, **changes: Any) -> None:
    await two.handle(StoreChanged(state=words.store("s1", **changes).state), sequence=sequence)


async def test_a_store_is_emptied_to_those_that_take(cs: CloudStack, two: Bench) -> None:
    job, said = await emptying(cs, two)
    assert (said.store_id, said.to_store_ids, said.remove) == ("s1", ("s2",), False)
    assert (await cs.job(job))["jobstatus"] == 0
    going = EvacuationView(
        removes=False,
        objects_total=1,
        objects_left=1,
        bytes_total=1,
        bytes_left=1,
        started=PAST,
        id=said.evacuation_id,
        to_store_ids=("s2",),
    )
    await evacuated(two, 20, state="Draining", evacuation=going)
    assert (await cs.job(job))["jobstatus"] == 0
    ended = EvacuationEnd(id=said.evacuation_id, empty=True, at=PAST)
    await evacuated(two, 21, state="Draining", evacuated=ended)
    done = await cs.job(job)
    assert (done["jobstatus"], done["jobinstancetype"]) == (1, "ImageStore")
    told = {"message": "everything moved off s1", "migrationtype": "COMPLETE", "success": True}
    assert done["jobresult"] == {"imagestore": told}


@pytest.mark.parametrize("how", ["stopped", "overtaken", "stuck"])
async def test_a_store_that_was_not_emptied_fails_its_job(
    cs: CloudStack, two: Bench, how: str
) -> None:
    job, said = await emptying(cs, two)
    if how == "stuck":
        await two.pass_time(timedelta(minutes=2))
    states: dict[str, Any] = {
        "stopped": {"evacuated": EvacuationEnd(id=said.evacuation_id, empty=False, at=PAST)},
        "overtaken": {"evacuated": EvacuationEnd(id="another", empty=True, at=PAST)},
        "stuck": {
            "evacuation": EvacuationView(
                removes=False,
                objects_total=2,
                objects_left=1,
                bytes_total=2,
                bytes_left=1,
                started=PAST,
                id=said.evacuation_id,
                blockers=(FULL,),
            )
        },
    }
    await evacuated(two, 20, state="Draining", **states[how])
    ended = await cs.job(job)
    assert (ended["jobstatus"], ended["jobresultcode"]) == (2, 431)
    assert {"stopped": "stopped", "overtaken": "another", "stuck": "no room on s2"}[how] in ended[
        "jobresult"
    ]["errortext"]


async def test_shares_are_evened_out_by_plan(cs: CloudStack, two: Bench) -> None:
    two.bus.replies[PlanMoves] = plans((TEMPLATE, "s2", True), (SNAPSHOT, "s3", True))
    await two.handle(words.template("t1", replicas=(replica("s1"),)), sequence=1)
    job = await started(
        cs, "migrateSecondaryStorageData", srcpool="s1", destpools="s2,s3", migrationtype="balance"
    )
    first, second = await two.said()
    assert first == MoveReplicas(store_id="s1", objects=(TEMPLATE,), to_store_ids=("s2",))
    assert second == MoveReplicas(store_id="s1", objects=(SNAPSHOT,), to_store_ids=("s3",))
    assert (await cs.job(job))["jobstatus"] == 0
    await two.handle(words.template("t1", replicas=(replica("s2"),)), sequence=2)
    result = (await cs.job(job))["jobresult"]["imagestore"]
    assert result == {
        "message": "2 objects moved off s1",
        "migrationtype": "BALANCE",
        "success": True,
    }


async def moving(cs: CloudStack, two: Bench) -> str:
    two.bus.replies[PlanMoves] = plans((TEMPLATE, "s2", True), (SNAPSHOT, "s2", True))
    await two.handle(words.template("t1", replicas=(replica("s1"),)), sequence=1)
    await two.handle(words.snapshot("n1", replicas=(replica("s1"),)), sequence=1)
    return await started(
        cs,
        "migrateResourceToAnotherSecondaryStorage",
        srcpool="s1",
        destpool="s2",
        templates="t1",
        snapshots="n1",
    )


async def test_named_objects_are_moved(cs: CloudStack, two: Bench) -> None:
    job = await moving(cs, two)
    question = PlanMoves(store_id="s1", to_store_ids=("s2",), objects=(TEMPLATE, SNAPSHOT))
    assert [asked for asked, _ in two.bus.asked] == [question]
    (said,) = await two.said()
    assert said == MoveReplicas(store_id="s1", objects=(TEMPLATE, SNAPSHOT), to_store_ids=("s2",))
    await two.handle(words.template("t1", replicas=(replica("s2"),)), sequence=2)
    assert (await cs.job(job))["jobstatus"] == 0
    await two.handle(words.snapshot("n1", replicas=(replica("s2"),)), sequence=2)
    done = await cs.job(job)
    assert done["jobresult"] == {
        "imagestore": {"message": "2 objects moved off s1", "success": True}
    }


async def test_what_cannot_move_stays_and_is_told(cs: CloudStack, two: Bench) -> None:
    job = await moving(cs, two)
    await two.handle(words.snapshot("n1", replicas=(replica("s2"),)), sequence=2)
    going = (replica("s1"), replica("s2", "Creating"))
    await two.handle(words.template("t1", replicas=going, error=FULL), sequence=2)
    await two.pass_time(timedelta(minutes=2))
    assert (await cs.job(job))["jobstatus"] == 0
    await two.handle(words.template("t1", replicas=(replica("s1"),), error=FULL), sequence=3)
    failed = await cs.job(job)
    assert (failed["jobstatus"], failed["jobresultcode"]) == (2, 431)
    assert "no room on s2" in failed["jobresult"]["errortext"]
    assert (await two.said())[-1] == MoveReplicas(
        store_id="s1", objects=(TEMPLATE,), to_store_ids=()
    )


DATA, NAMED = "migrateSecondaryStorageData", "migrateResourceToAnotherSecondaryStorage"
BAD: list[Any] = [
    (DATA, {"srcpool": "s1", "destpools": "s2", "migrationtype": "some"}, 530),
    (DATA, {"srcpool": "nothing", "destpools": "s2"}, 431),
    (DATA, {"srcpool": "c1", "destpools": "s2"}, 530),
    (DATA, {"srcpool": "s1", "destpools": "s4,s1"}, 530),
    (DATA, {"srcpool": "s1"}, 431),
    (NAMED, {"srcpool": "s1", "destpool": "s1", "templates": "t1"}, 431),
    (NAMED, {"srcpool": "s1", "destpool": "c1", "templates": "t1"}, 530),
    (NAMED, {"srcpool": "s1", "destpool": "s4", "templates": "t1"}, 431),
    (NAMED, {"srcpool": "s1", "destpool": "s3", "templates": "t1"}, 431),
    (NAMED, {"srcpool": "s1", "destpool": "s2"}, 431),
    (NAMED, {"srcpool": "s1", "destpool": "s2", "templates": "t9"}, 431),
    (NAMED, {"srcpool": "s1", "destpool": "s2", "templates": "t1"}, 431),
]


@pytest.mark.parametrize(("command", "params", "code"), BAD)
async def test_what_cannot_be_migrated_is_refused_at_once(
    cs: CloudStack, two: Bench, command: str, params: Any, code: int
) -> None:
    two.bus.replies[PlanMoves] = plans((TEMPLATE, None, False))
    await two.handle(words.template("t1", replicas=(replica("s2"),)), sequence=1)
    assert (await cs.call(command, **params)).error[0] == code
    assert await two.said() == []


def grows(message: Message) -> Message | None:
    """Stores are added, and demotions begun."""
    if isinstance(message, AddStore):
        return StoreAdded(state=view(message))
    if isinstance(message, DemoteStore) and message.store_id == "s1":
        going = EvacuationView(
            removes=False,
            objects_total=1,
            objects_left=1,
            bytes_total=1,
            bytes_left=1,
            started=PAST,
        )
        return StoreChanged(state=nfs("s1", state="Draining", evacuation=going).state)
    if isinstance(message, DemoteStore):
        error = Conflict("it is in use", asked=message.asked).problem
        return StoreChanged(state=nfs(message.store_id, error=error).state)
    return None


def nfs(key: str, **changes: Any) -> StoreAdded:
    return words.store(key, provider="NFS", scope=Scope.zone("z1"), **changes)


OBJECT_STORE = {
    "provider": "s3",
    "details[0].accesskey": "a",
    "details[0].secretkey": "s",
    "details[0].endpoint": "s3.example",
    "details[0].bucket": "b",
}


async def test_a_cloud_goes_over_to_an_object_store(cs: CloudStack, stores: Bench) -> None:
    await stores.handle(nfs("s1"), sequence=1)
    async with owner(stores, grows) as heard:
        reply = await cs.call("updateCloudToUseObjectStore", name="rgw", **OBJECT_STORE)
    added, demoted = heard
    assert reply.envelope == "updatecloudtouseobjectstoreresponse"
    assert reply.body["imagestore"]["name"] == "rgw"
    assert reply.body["imagestore"]["scope"] == "REGION"
    assert isinstance(added, AddStore)
    assert isinstance(demoted, DemoteStore)
    assert (demoted.store_id, demoted.scope, demoted.copy_first) == ("s1", Scope.zone("z1"), True)


async def test_a_store_that_cannot_become_a_cache_is_told(cs: CloudStack, stores: Bench) -> None:
    await stores.handle(nfs("s2"), sequence=1)
    async with owner(stores, grows):
        reply = await cs.call("updateCloudToUseObjectStore", **OBJECT_STORE)
    assert reply.error == (431, "it is in use")


@pytest.mark.parametrize(
    ("store", "params"),
    [
        (words.store("s1"), OBJECT_STORE),
        (nfs("s1", state="Disabled"), OBJECT_STORE),
        (nfs("s1"), {"provider": "NFS", "url": "nfs://f/x"}),
        (nfs("s1"), {"provider": "gopher"}),
    ],
)
async def test_a_cloud_that_cannot_go_over_is_left(
    cs: CloudStack, stores: Bench, store: Message, params: Any
) -> None:
    await stores.handle(store, sequence=1)
    assert (await cs.call("updateCloudToUseObjectStore", **params)).error[0] == 431
    assert await stores.said() == []
