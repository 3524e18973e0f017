"""A run against a real gateway whose owners say nothing yet: what is asked, once."""

import asyncio
from typing import Any, cast

import pytest
from api_gateway.deps import Deps
from stowage_client import Client
from stowage_client.importing.applying import Run
from stowage_client.importing.source import Source
from stowage_client.importing.stores import Wishes, plan_of
from stowage_client.importing.survey import Survey
from stowage_contracts.errors import ImageRefused, Stalled, Unavailable
from stowage_contracts.messages.image_store import (
    AddStore,
    AddZone,
    ChangeStore,
    ImportObject,
    StoreRejected,
)
from stowage_runtime.testing.bench import ServiceBench

from tests.unit.api_gateway import words
from tests.unit.client.conftest import Command
from tests.unit.client.importing.cloud import FakeSource, copy, store, thing, world

Bench = ServiceBench[Deps]


def source(count: int = 1, **changes: Any) -> FakeSource:
    one = store(**changes)
    known = world(one)
    things = [thing(number=n, id=f"t{n}") for n in range(1, count + 1)]
    return FakeSource(known, {one.key: plan_of(one, known, Wishes())}, things)


def run_of(client: Client, given: FakeSource) -> Run:
    return Run(client, Survey(cast(Source, given)))


@pytest.fixture
async def placed(bench: Bench) -> None:
    await bench.handle(words.zone("z1"), sequence=1)
    await bench.handle(words.store("id-1"), sequence=1)


async def test_zones_are_added_once(client: Client, bench: Bench) -> None:
    for _ in range(2):
        await run_of(client, source()).zones({"z1": "one"})
    (said,) = await bench.said(AddZone)
    assert isinstance(said, AddZone)
    assert (said.zone_id, said.name) == ("z1", "one")


async def test_a_known_store_is_left_as_it_is(client: Client, bench: Bench, placed: None) -> None:
    run = run_of(client, source(read_only=True))
    lines, _ = await run.stores()
    assert [line.action for line in lines] == ["known"]
    assert run.warnings == ["store id-1 was there already, and is not read-only"]
    assert await bench.said(AddStore) == []
    assert await bench.said(ChangeStore) == []


async def test_a_refused_store_takes_its_objects_along(client: Client, bench: Bench) -> None:
    await bench.handle(words.zone("z1"), sequence=1)
    run = run_of(client, source())
    stores = asyncio.create_task(run.stores())
    async with asyncio.timeout(10):
        while not await bench.said(AddStore):
            await asyncio.sleep(0.01)
    error = Unavailable("no such export", code="mount").problem
    refused = words.store("id-1", state="Removed", error=error).state
    await bench.handle(StoreRejected(state=refused), sequence=1)
    (line,), left = await stores
    assert (line.action, line.code, line.cause) == (
        "refused",
        "unavailable.mount",
        "no such export",
    )
    await run.objects(left)
    assert await bench.said(ImportObject) == []


async def test_many_are_asked_for_in_batches_and_only_once(
    client: Client, bench: Bench, placed: None
) -> None:
    for expected in ({"taken": 230}, {"reading": 230}):
        run = run_of(client, source(230))
        counted: list[int] = []
        run.told = lambda what, count, counted=counted: counted.append(count)  # type: ignore[misc]
        await run.objects(cast(Source, source(230)))
        assert dict(run.progress) == expected
        assert counted == [100, 200, 230]
    said = [one for one in await bench.said(ImportObject) if isinstance(one, ImportObject)]
    assert len({message.object.id for message in said}) == len(said) == 230


async def test_a_refused_one_is_a_problem_and_stops_no_other(
    client: Client, bench: Bench, placed: None
) -> None:
    given = source(2)
    given.things[0] = thing(copy("s/2"), number=1, id="t1")
    given.world = world(store(), store("s/2"))
    given.plans["s/2"] = plan_of(store("s/2"), given.world, Wishes())
    run = run_of(client, given)
    await run.objects(cast(Source, given))
    assert dict(run.progress) == {"refused": 1, "taken": 1}
    assert [(one.id, one.code, one.where) for one in run.problems] == [
        ("t1", "not_found", "store/id-2")
    ]


async def test_it_waits_until_all_are_ready_or_failed(
    client: Client, bench: Bench, placed: None
) -> None:
    run = run_of(client, source(2))
    await run.objects(cast(Source, source(2)))
    error = ImageRefused("too short", code="size").problem
    for id, replica in (("t1", {"state": "Ready"}), ("t2", {"state": "Failed", "error": error})):
        one = {"store_id": "id-1", "role": "Image", **replica}
        ready = replica["state"] == "Ready"
        view = words.template(id, account_id="a1", replicas=[one], ready=ready, error=None)
        if not ready:
            view = words.template(id, account_id="a1", replicas=[one], error=error)
        await bench.handle(view, sequence=2)
    await run.settle()
    assert dict(run.progress) == {"ready": 1, "failed": 1}
    assert [(one.id, one.code) for one in run.problems] == [("t2", "image.size")]


async def test_a_wait_in_which_nothing_happens_ends(
    client: Client, bench: Bench, placed: None
) -> None:
    run = run_of(client, source())
    run.stall = 0.2
    await run.objects(cast(Source, source()))
    with pytest.raises(Stalled):
        await run.settle()


async def test_a_dsn_that_leads_nowhere_is_told(stowage: Command) -> None:
    ended = await stowage("import", "cloudstack", "--dsn", "mysql://u:canary@127.0.0.1:1/cloud")
    assert ended.code == 1
    assert ended.err.startswith("error: unavailable.database")
    assert "canary" not in ended.out + ended.err


@pytest.mark.parametrize(
    ("options", "word"),
    [
        (("--key", "env:KEY"), "--key opens db.properties"),
        (("--set", "nonsense=1"), "STORE:NAME"),
        (("--store-secret", "s=bare"), "must not stand on the command line"),
    ],
)
async def test_options_that_make_no_sense_are_refused(
    stowage: Command, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...], word: str
) -> None:
    monkeypatch.setenv("KEY", "canary")
    ended = await stowage("import", "cloudstack", "--dsn", "mysql://u@127.0.0.1:1/c", *options)
    assert ended.code == 1
    assert word in ended.err
