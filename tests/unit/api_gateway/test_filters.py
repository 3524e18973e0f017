"""What lists can be asked for; nobody is shown more by asking."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from api_gateway.deps import Deps
from stowage_runtime.testing.bench import ServiceBench

from tests.unit.api_gateway import words
from tests.unit.api_gateway.api import Api, account


async def ids(api: Api, path: str) -> list[str]:
    told = await api.get(path)
    assert told.status == 200, told.body
    return [item["id"] for item in told.body["items"]]


@pytest.fixture
async def stocked(bench: ServiceBench[Deps], api: Api) -> Api:
    said: list[Any] = [
        words.zone("z1", "one"),
        words.zone("z2", "two"),
        words.template("t1", name="debian", account_id="a1"),
        words.template("t2", name="debian", account_id="a2"),
        words.template("t3", name="suse", account_id="a3"),
        words.store("s1"),
        words.pool("p1"),
        words.planned("c1"),
    ]
    for message in said:
        await bench.handle(message, sequence=1)
    return api


async def test_objects_are_found_by_name_and_account(stocked: Api) -> None:
    assert await ids(stocked, "/v1/templates?name=debian") == ["t2", "t1"]
    assert await ids(stocked, "/v1/templates?name=debian&account_id=a1") == ["t1"]
    assert await ids(stocked, "/v1/templates?account_id=a2") == ["t2"]
    assert await ids(stocked, "/v1/templates?name=nothing") == []
    assert await ids(stocked, "/v1/templates?hypervisor=VMware") == []


async def test_an_account_asks_for_its_own_or_sees_nothing(
    stocked: Api, bench: ServiceBench[Deps]
) -> None:
    someone, own = await account(stocked)
    await bench.handle(words.template("t4", name="debian", account_id=own), sequence=1)
    assert await ids(someone, "/v1/templates") == ["t4"]
    assert await ids(someone, f"/v1/templates?account_id={own}") == ["t4"]
    assert await ids(someone, "/v1/templates?account_id=a1") == []
    assert await ids(someone, "/v1/templates?name=debian") == ["t4"]
    assert await ids(someone, "/v1/templates?name=debian&account_id=a1") == []


async def test_places_and_stores_are_found_by_their_own_fields(stocked: Api) -> None:
    assert await ids(stocked, "/v1/zones?name=two") == ["z2"]
    assert await ids(stocked, "/v1/pods?zone_id=z1") == []
    assert await ids(stocked, "/v1/hosts?state=Up&zone_id=z1") == []
    assert await ids(stocked, "/v1/stores?role=Primary") == ["p1"]
    assert await ids(stocked, "/v1/stores?state=Up&role=Image") == ["s1"]
    assert await ids(stocked, "/v1/stores?state=Draining") == []


async def test_copies_are_found_by_state_along_pages(bench: ServiceBench[Deps], api: Api) -> None:
    for number in range(5):
        await bench.handle(words.planned(f"c{number}"), sequence=1)
    first = await api.get("/v1/copies?state=planned&limit=2")
    assert [item["id"] for item in first.body["items"]] == ["c4", "c3"]
    rest = await ids(api, f"/v1/copies?state=planned&limit=9&cursor={first.body['next']}")
    assert rest == ["c2", "c1", "c0"]
    assert await ids(api, "/v1/copies?state=done") == []


async def test_lists_can_begin_and_end_at_a_time(bench: ServiceBench[Deps], api: Api) -> None:
    for number in range(4):
        await bench.handle(words.zone(f"z{number}"), sequence=1)
        await bench.pass_time(timedelta(hours=1))
    now = datetime.now(UTC)

    def when(hours: float) -> str:
        return f"{now + timedelta(hours=hours):%Y-%m-%dT%H:%M:%SZ}"

    assert await ids(api, f"/v1/zones?created_after={when(1.5)}") == ["z3", "z2"]
    assert await ids(api, f"/v1/zones?created_before={when(1.5)}") == ["z1", "z0"]
    between = f"/v1/zones?created_after={when(0.5)}&created_before={when(2.5)}"
    assert await ids(api, between) == ["z2", "z1"]
    first = await api.get(f"{between}&limit=1")
    assert await ids(api, f"{between}&cursor={first.body['next']}") == ["z1"]


@pytest.mark.parametrize(
    "query",
    [
        "created_after=yesterday",
        "created_after=2026-01-01T00:00:00",
        "created_before=0001-01-01T00:00:00Z",
        "created_before=9999-12-31T23:59:59-14:00",
        "name=",
        "account_id=..",
        "state=Up",
        "limit=501",
    ],
)
async def test_what_no_list_could_have_is_refused(api: Api, query: str) -> None:
    told = await api.get(f"/v1/templates?{query}")
    assert (told.status, told.body["code"]) == (400, "invalid.query")


async def test_waiting_can_be_asked_for_in_both_spellings(
    bench: ServiceBench[Deps], api: Api
) -> None:
    await bench.handle(words.template("t1", ready=True), sequence=1)
    for wait in ("ready", "5", "0.5"):
        assert (await api.get(f"/v1/templates/t1?wait={wait}")).body["ready"] is True
    for wait in ("done", "-1", "inf", "nan"):
        assert (await api.get(f"/v1/templates/t1?wait={wait}")).status == 400


async def test_a_host_is_waited_for_until_its_agent_has_joined(
    bench: ServiceBench[Deps], api: Api
) -> None:
    host = {"id": "h1", "name": "kvm", "hypervisor": "KVM"}
    assert (await api.post("/v1/hosts", host)).status == 202
    assert (await api.get("/v1/hosts/h1?wait=0.1")).body["state"] == "Creating"
    waiting = asyncio.create_task(api.get("/v1/hosts/h1?wait=ready"))
    await bench.handle(words.host("h1"), sequence=1)
    assert (await waiting).body["state"] == "Up"
