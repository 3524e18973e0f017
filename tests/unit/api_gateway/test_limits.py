"""What accounts may have is exact, however many ask at once."""

import asyncio
from collections import Counter

from api_gateway.deps import Deps
from api_gateway.limits import Kind, set_limit
from stowage_runtime.testing.bench import ServiceBench

from tests.unit.api_gateway import words
from tests.unit.api_gateway.api import Api, account

Bench = ServiceBench[Deps]
NEW = {"name": "n", "url": "http://u/x", "format": "raw"}


async def test_two_hundred_at_once_get_exactly_what_there_is(api: Api, bench: Bench) -> None:
    mine, account_id = await account(api)
    async with bench.desk.transaction() as tx:
        await set_limit(tx, ("account", account_id), Kind.TEMPLATE, 7)
        await set_limit(tx, ("domain", "root"), Kind.TEMPLATE, 5)
    answers = await asyncio.gather(*(mine.post("/v1/templates", NEW) for _ in range(200)))
    assert Counter(answer.status for answer in answers) == {202: 5, 409: 195}
    assert {a.body["code"] for a in answers if a.status == 409} == {"conflict.account_limit"}
    assert len((await mine.get("/v1/templates")).body["items"]) == 5
    said = Counter(type(message).__name__ for message in await bench.said())
    assert said["RegisterTemplate"] == 5


async def test_each_noun_is_counted_by_itself_and_what_goes_makes_room(
    api: Api, bench: Bench
) -> None:
    mine, account_id = await account(api)
    async with bench.desk.transaction() as tx:
        await set_limit(tx, ("account", account_id), Kind.VOLUME, 1)
    assert (await mine.post("/v1/volumes", {**NEW, "id": "v1"})).status == 202
    refused = await mine.post("/v1/volumes", NEW)
    assert (refused.status, refused.body["resource"]) == (409, f"account/{account_id}")
    assert (await mine.post("/v1/snapshots", NEW)).status == 202
    await bench.handle(words.volume("v1", account_id=account_id, removed=True), sequence=1)
    assert (await mine.post("/v1/volumes", NEW)).status == 202


async def test_volumes_made_of_templates_are_counted_from_the_moment_they_are_asked_for(
    api: Api, bench: Bench
) -> None:
    mine, account_id = await account(api)
    await bench.handle(words.template("t1", account_id=account_id, ready=True), sequence=1)
    await bench.handle(words.pool("pool"), sequence=1)
    async with bench.desk.transaction() as tx:
        await set_limit(tx, ("account", account_id), Kind.VOLUME, 3)
    wanted = [
        {"template_id": "t1", "store_id": "pool", "volume_id": f"v{number}"} for number in range(20)
    ]
    answers = await asyncio.gather(*(mine.post("/v1/copies", each) for each in wanted))
    assert Counter(answer.status for answer in answers) == {202: 3, 409: 17}
    (made, *_) = [
        each["volume_id"] for each, a in zip(wanted, answers, strict=True) if a.status == 202
    ]
    await bench.handle(words.volume(made, account_id=account_id), sequence=1)
    assert (await mine.post("/v1/volumes", NEW)).status == 409
    await bench.handle(words.volume(made, account_id=account_id, removed=True), sequence=2)
    assert (await mine.post("/v1/volumes", NEW)).status == 202
