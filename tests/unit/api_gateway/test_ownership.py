"""Who may do what: every route, asked by an object's owner, by another account, by an admin."""

from dataclasses import dataclass

import pytest
from api_gateway.deps import Deps
from api_gateway.routes import ROUTES
from stowage_contracts.errors import NotFound
from stowage_runtime.http import EVENTS
from stowage_runtime.testing.bench import ServiceBench

from tests.unit.api_gateway import caches, words
from tests.unit.api_gateway.api import Api, account
from tests.unit.api_gateway.ownership import (
    CLUSTER,
    ELSEWHERE,
    HOST,
    POD,
    POLICY,
    QUESTIONS,
    RULE,
    SHOWN_ONCE,
    TABLE,
    Row,
    Who,
)
from tests.unit.api_gateway.sinks import HOOK

Bench = ServiceBench[Deps]


@dataclass(frozen=True)
class World:
    """Things of one account, and those who ask for them."""

    admin: Api
    owner: Api
    other: Api
    boss: Api
    """Admin of the owner's domain."""
    stranger: Api
    """Admin of another one."""
    accounts: dict[str, str]
    """Ids of the owner's account and of a spare one in its domain."""

    def path(self, row: Row) -> str:
        """With the ids that are not known beforehand."""
        path = row.asked
        for name, key in self.accounts.items():
            for noun in ("accounts", "users"):
                path = path.replace(f"/{noun}/{name}", f"/{noun}/{key}")
        return path

    async def link(self) -> str:
        made = await self.owner.post("/v1/templates/ready/links", {})
        return str(made.body["id"])


@pytest.fixture
async def world(api: Api, bench: Bench) -> World:
    for name in ("d1", "d2"):
        await api.post("/v1/domains", {"id": name, "name": name})
    (owner, mine), (other, _) = await member(api, "d1"), await account(api)
    _, spare = await member(api, "d1")
    boss, _ = await member(api, "d1", "domain_admin")
    stranger, _ = await member(api, "d2", "domain_admin")
    bench.bus.replies.update({**words.ANSWERS, **caches.ANSWERS})
    replica = {"store_id": "s1", "role": "Image", "state": "Ready"}
    for made in words.OBJECTS.values():
        await bench.handle(
            made("ready", account_id=mine, ready=True, replicas=[replica]), sequence=1
        )
        await bench.handle(made("sent", account_id=mine, upload=True), sequence=1)
    for said in (words.pool("pool"), words.store("s1"), words.zone("z1"), words.provider()):
        await bench.handle(said, sequence=1)
    await bench.handle(words.planned("copy", account_id=mine), sequence=1)
    await bench.handle(caches.fleet("f1"), sequence=1)
    await bench.handle(caches.vm("v1"), sequence=1)
    await api.post("/v1/pods", {**POD, "id": "pod1"})
    await api.post("/v1/clusters", {**CLUSTER, "id": "cluster1"})
    await api.post("/v1/hosts", {**HOST, "id": "host1"})
    await bench.handle(words.host("host1"), sequence=1)
    await owner.post("/v1/sinks", {**HOOK, "id": "sink"})
    await api.call("PUT", "/v1/placement-rules/r1", {"name": "r"})
    await api.call("PUT", "/v1/motion-policies/z1", {"pin": "direct"})
    return World(api, owner, other, boss, stranger, {"mine": mine, "spare": spare})


async def member(api: Api, domain_id: str, role: str = "user") -> tuple[Api, str]:
    new = {"name": "someone", "domain_id": domain_id, "role": role}
    made = (await api.post("/v1/accounts", new)).body
    return api.as_account(made["api_key"]), made["account_id"]


async def asked(world: World, who: Api) -> dict[tuple[str, str], tuple[Row, int]]:
    told = {}
    for row in TABLE:
        path = world.path(row).replace("/links/link", f"/links/{await world.link()}")
        answer = await who.call(row.method, path, row.body)
        told[row.method, row.path] = (row, answer.status)
        if row.method == "DELETE" and row.path in {RULE, POLICY}:
            await world.admin.call("PUT", path, {"name": "r"} if row.path == RULE else {})
    return told


def test_every_route_is_in_the_table() -> None:
    served = {(route.method, route.path) for route in ROUTES if route.media != EVENTS}
    assert {(row.method, row.path) for row in TABLE} | ELSEWHERE == served


OF_ADMINS = {Who.ADMIN, Who.MANAGER}


async def test_an_owner_may_do_everything_but_the_operators_work(world: World) -> None:
    told = await asked(world, world.owner)
    wrong = {
        about: status
        for about, (row, status) in told.items()
        if (status != 403 if row.who in OF_ADMINS else status >= 300)
    }
    assert wrong == {}


async def test_another_account_finds_nothing_of_it(world: World, bench: Bench) -> None:
    await bench.forget()
    told = await asked(world, world.other)
    expected = {
        Who.ADMIN: range(403, 404),
        Who.MANAGER: range(403, 404),
        Who.OWNER: range(404, 405),
        Who.ANYBODY: range(300),
    }
    wrong = {
        about: status for about, (row, status) in told.items() if status not in expected[row.who]
    }
    assert wrong == {}
    registered = {f"Register{noun}" for noun in ("Template", "Volume", "Snapshot")}
    restored = {"SetPlacementRule", "SetMotionPolicy"}
    assert {type(said).__name__ for said in await bench.said()} - registered <= restored


async def test_an_admin_may_do_everything(world: World) -> None:
    told = await asked(world, world.admin)
    assert {about: status for about, (_, status) in told.items() if status >= 300} == {}


async def test_an_admin_of_its_domain_may_what_its_owner_may(world: World) -> None:
    told = await asked(world, world.boss)
    wrong = {
        about: status
        for about, (row, status) in told.items()
        if (status != 403 if row.who is Who.ADMIN else status >= 300)
    }
    assert wrong == {}


async def test_an_admin_of_another_domain_finds_nothing_of_it(world: World, bench: Bench) -> None:
    await bench.forget()
    told = await asked(world, world.stranger)
    own = {("POST", "/v1/accounts")}
    wrong = {
        about: status
        for about, (row, status) in told.items()
        if (row.who is Who.ADMIN and status != 403)
        or (row.who is Who.ANYBODY and status >= 300)
        or (row.who in {Who.OWNER, Who.MANAGER} and about not in own and status != 404)
    }
    assert wrong == {}
    changed = {type(said).__name__ for said in await bench.said()}
    assert changed <= {
        "RegisterTemplate",
        "RegisterVolume",
        "RegisterSnapshot",
        "SetPlacementRule",
        "SetMotionPolicy",
    }


async def test_without_a_key_nothing_is_done(world: World) -> None:
    told = await asked(world, world.admin.as_account(""))
    assert {status for _, status in told.values()} == {401}


async def test_everything_that_changes_something_takes_an_idempotency_key(
    world: World, bench: Bench
) -> None:
    link = await world.link()
    for number, row in enumerate(TABLE):
        about = (row.method, row.path)
        if row.method == "GET" or about in QUESTIONS:
            continue
        path, key = world.path(row).replace("/links/link", f"/links/{link}"), f"k{number}"
        first = await world.admin.call(row.method, path, row.body, Idempotency_Key=key)
        if about in SHOWN_ONCE:
            assert first.body["code"] == "invalid.idempotency_key", about
            continue
        before = await bench.said()
        again = await world.admin.call(row.method, path, row.body, Idempotency_Key=key)
        assert (again.status, again.body) == (first.status, first.body), about
        assert again.headers["Idempotency-Replayed"] == "true", about
        assert await bench.said() == before, about


async def test_lists_show_what_is_ones_own(world: World) -> None:
    await world.link()
    lists = ["/v1/sinks", *(f"/v1/{noun}" for noun in words.OBJECTS), "/v1/links", "/v1/copies"]
    for path in lists:
        assert (await world.owner.get(path)).body["items"] != [], path
        assert (await world.other.get(path)).body["items"] == [], path
        assert (await world.admin.get(path)).body["items"] != [], path


async def test_nobody_but_operators_sees_what_goes_on_in_a_store(
    world: World, bench: Bench
) -> None:
    problem = NotFound("template/other is not readable", resource="template/other").problem
    evacuation = {
        "removes": True,
        "objects_total": 1,
        "objects_left": 1,
        "bytes_total": 1,
        "bytes_left": 1,
        "blockers": [problem],
        "started": words.CREATED,
    }
    await bench.handle(words.store("s1", evacuation=evacuation), sequence=2)
    assert (await world.admin.get("/v1/stores/s1")).body["evacuation"]["blockers"] != []
    assert (await world.owner.get("/v1/stores/s1")).body["evacuation"] is None


async def test_nobody_but_operators_hears_of_placement_rules(world: World, bench: Bench) -> None:
    await bench.handle(words.rule("r1"), sequence=1)
    await bench.handle(words.zone("last"), sequence=1)
    async with world.owner.events("?after=0-0") as events:
        seen = set()
        while (told := await events.next())["id"] != "last":
            seen.add(told["noun"])
    assert seen >= {"template", "zone"}
    assert not seen & {"placement_rule", "store"}
