"""What accounts may have on image stores: never a byte over it, and nothing in its way."""

import asyncio
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest
from image_store.objects.replicas import damaged
from stowage_contracts.errors import Conflict
from stowage_contracts.messages.image_store import (
    AccountBytesCounted,
    ChangeObject,
    CopyRequested,
    CountAccountBytes,
    EvacuateStore,
    MoveReplicas,
    RegisterTemplate,
    ReplicaFailed,
    SetAccountLimit,
)
from stowage_contracts.values import ObjectRef

from tests.unit.image_store.lab import LabProvider
from tests.unit.image_store.scene import CONTENT, Scene, accepted
from tests.unit.image_store.shelves import Shelves

T1 = ObjectRef(kind="template", id="t1")


@pytest.fixture
async def shelves(scene: Scene, lab: LabProvider) -> Shelves:
    shelves = Shelves(scene, lab)
    await shelves.begin()
    return shelves


async def limit(scene: Scene, most: int | None, account_id: str = "acme") -> None:
    await scene.bench.handle(SetAccountLimit(account_id=account_id, max_bytes=most))


async def count(scene: Scene, account_id: str = "acme") -> AccountBytesCounted:
    reply = await scene.bench.ask(CountAccountBytes(account_id=account_id))
    assert isinstance(reply, AccountBytesCounted)
    return reply


async def error_of(scene: Scene, object_id: str = "t1") -> dict[str, Any] | None:
    async with scene.bench.tx() as tx:
        row = await tx.row("object", "template", object_id)
    assert row is not None
    error: dict[str, Any] | None = row["error"]
    return error


async def made(scene: Scene, request: CopyRequested) -> None:
    await scene.write(request)
    await scene.commit(request)
    await scene.complete(request, accepted())


async def test_two_hundred_registrations_at_once_get_what_the_account_may_have(
    scene: Scene,
) -> None:
    await scene.zone()
    await scene.store()
    await limit(scene, 955)
    connections = asyncio.Semaphore(4)  # the bench has no more

    async def register(one: RegisterTemplate) -> None:
        async with connections:
            await scene.bench.handle(one)

    asked = [
        scene.registration(template_id=f"t{n}", copy_id=f"c{n}", sealed_url="", size=10)
        for n in range(200)
    ]
    await asyncio.gather(*(register(one) for one in asked))
    assert (await count(scene)).reserved_bytes == 950
    async with scene.bench.database.begin() as connection:
        refused = await connection.fetchval(
            "SELECT count(*) FROM stored_object WHERE error ->> 'code' = 'conflict.account_limit'"
        )
    assert refused == 200 - 95


async def test_writers_whose_sizes_come_late_get_no_byte_more(scene: Scene) -> None:
    await scene.zone()
    await scene.store()
    await limit(scene, 3_000)
    luck = Random(7)
    sizes = [luck.randint(1, 200) for _ in range(50)]
    requests = []
    for number in range(len(sizes)):
        said = await scene.bench.handle(
            scene.registration(
                template_id=f"t{number}", copy_id=f"c{number}", sealed_url=_url(scene, number)
            )
        )
        requests.append(next(m for m in said if isinstance(m, CopyRequested)))

    async def redeem(request: CopyRequested, size: int) -> int:
        try:
            await scene.redeem(request, request.destination.grant.id, size=size)
        except Conflict:
            return 0
        return size

    got = await asyncio.gather(*map(redeem, requests, sizes))
    assert (await count(scene)).reserved_bytes == sum(got) <= 3_000
    refused = [size for size, mine in zip(sizes, got, strict=True) if not mine]
    assert refused
    assert min(refused) > 3_000 - sum(got)


def _url(scene: Scene, number: int) -> str:
    what = ObjectRef(kind="template", id=f"t{number}")
    return scene.sealed("http://images.example/disk.qcow2", what)


async def test_a_refusal_names_limit_use_and_what_was_asked(scene: Scene) -> None:
    await made(scene, await scene.requested())
    await limit(scene, len(CONTENT) + 9)
    refused = scene.registration(template_id="t2", sealed_url="", size=10)
    failed = [m for m in await scene.bench.handle(refused) if isinstance(m, ReplicaFailed)]
    (problem,) = [m.error for m in failed]
    assert (problem.code, problem.resource) == ("conflict.account_limit", "account/acme")
    told = {"limit": len(CONTENT) + 9, "used": len(CONTENT), "asked": 10}
    assert problem.details == told
    counted = await count(scene)
    assert (counted.ready_bytes, counted.reserved_bytes) == (len(CONTENT), 0)
    assert counted.max_bytes == len(CONTENT) + 9


async def test_an_account_with_no_byte_left_cannot_begin_what_has_no_size_yet(scene: Scene) -> None:
    await scene.zone()
    await scene.store()
    await limit(scene, 0)
    said = await scene.bench.handle(scene.registration())
    assert not [m for m in said if isinstance(m, CopyRequested)]
    error = await error_of(scene)
    assert error is not None
    assert error["details"]["asked"] is None


async def test_what_another_account_has_counts_for_nobody_else(scene: Scene) -> None:
    await made(scene, await scene.requested())
    await limit(scene, 10, "other")
    theirs = scene.registration(template_id="t2", account_id="other", sealed_url="", size=10)
    await scene.bench.handle(theirs)
    assert await error_of(scene, "t2") is None


async def test_a_limit_that_was_lifted_holds_nobody(scene: Scene) -> None:
    await scene.zone()
    await scene.store()
    await limit(scene, 5)
    await limit(scene, None)
    await scene.bench.handle(scene.registration(sealed_url="", size=10))
    assert (await count(scene)).max_bytes is None
    assert await error_of(scene) is None


async def test_a_limit_said_earlier_and_heard_later_is_nothing(scene: Scene) -> None:
    await limit(scene, 5)
    async with scene.bench.tx() as tx:
        stale = datetime.now(UTC) - timedelta(hours=1)
        await tx.run("set_account_limit", "acme", 7, stale)
    assert (await count(scene)).max_bytes == 5


async def test_more_copies_count_as_well(scene: Scene) -> None:
    await made(scene, await scene.requested())
    await scene.store("s2")
    await limit(scene, 2 * len(CONTENT) - 1)
    await scene.bench.handle(ChangeObject(object=T1, min_copies=2))
    await scene.bench.run_timers()
    error = await error_of(scene)
    assert error is not None
    assert error["code"] == "conflict.account_limit"


async def test_emptying_a_store_asks_no_account(scene: Scene) -> None:
    await made(scene, await scene.requested())
    await scene.store("s2")
    await limit(scene, 1)
    await scene.bench.handle(EvacuateStore(store_id="s1"))
    await scene.bench.run_timers()
    requests = [m for m in await scene.bench.said() if isinstance(m, CopyRequested)]
    assert requests[-1].destination.store_id == "s2"
    assert await error_of(scene) is None


async def test_what_came_in_larger_than_it_was_promised_is_deleted_again(scene: Scene) -> None:
    request = await scene.requested()
    await limit(scene, 100)
    await scene.redeem(request, request.destination.grant.id, size=100)
    async with scene.bench.database.begin() as connection:
        await connection.execute("UPDATE account_limits SET max_bytes = 5000")
    await scene.write(request)
    async with scene.bench.database.begin() as connection:
        await connection.execute("UPDATE account_limits SET max_bytes = 100")
        await connection.execute("UPDATE object_store_ref SET reserved = 100")
    await scene.commit(request)
    await scene.complete(request, accepted())
    await scene.bench.run_intents()
    error = await error_of(scene)
    assert error is not None
    assert error["code"] == "conflict.account_limit"
    assert scene.leftovers("s1") == []
    assert (await count(scene)).ready_bytes == 0


async def test_an_object_left_in_place_that_is_too_much_is_refused_and_stays(
    shelves: Shelves,
) -> None:
    shelves.lab.put("import/acme/big", b"b" * 4096)
    await limit(shelves.scene, 4095)
    sealed = shelves.sealed("s3://lab/import/acme/big", "t1")
    await shelves.scene.bench.handle(shelves.scene.registration(sealed_url=sealed, in_place=True))
    await shelves.settle()
    await shelves.judge()
    await shelves.settle()
    error = await error_of(shelves.scene)
    assert error is not None
    assert error["code"] == "conflict.account_limit"
    assert list(shelves.lab.shelves["lab"].objects) == ["import/acme/big"]
    assert (await count(shelves.scene)).ready_bytes == 0


async def test_what_an_operator_moves_off_a_store_asks_no_account(shelves: Shelves) -> None:
    await shelves.ready(content=b"disk")
    await shelves.store("s2", "other")
    await limit(shelves.scene, 1)
    move = MoveReplicas(store_id="s1", objects=(T1,), to_store_ids=("s2",))
    await shelves.scene.bench.handle(move)
    await shelves.scene.bench.run_timers()
    requests = [m for m in await shelves.scene.bench.said() if isinstance(m, CopyRequested)]
    assert requests[-1].destination.store_id == "s2"
    assert await error_of(shelves.scene) is None


async def test_what_was_damaged_is_mended_whatever_the_limit(shelves: Shelves) -> None:
    await shelves.ready(content=b"disk")
    async with shelves.scene.bench.tx() as tx:
        assert not await tx.value("owed_a_replica", "template", "t1")
        ref = await tx.row("ref_on", "template", "t1", "s1")
        assert ref is not None
        await damaged(tx, ref, Conflict("bits have rotted").problem)
        assert await tx.value("owed_a_replica", "template", "t1")


@pytest.mark.parametrize("most", [1, 1 << 62])
async def test_the_account_keeps_what_it_had(scene: Scene, most: int) -> None:
    await made(scene, await scene.requested())
    await limit(scene, most)
    await scene.bench.run_timers()
    assert (await count(scene)).ready_bytes == len(CONTENT)
