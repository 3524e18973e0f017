"""Fleets, transport VMs, entries, decisions: asked of cache-autoscaler, shown as it tells them."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from api_gateway.deps import Deps
from stowage_contracts.caching import CacheFleet, CacheFleetView, Demand, VmSpec, VmState
from stowage_contracts.envelope import Envelope
from stowage_contracts.messages.cache_autoscaler import (
    CacheFleetRemoved,
    EntriesListed,
    EvictEntry,
    HoldEntry,
    ListDecisions,
    ListEntries,
    RemoveCacheFleet,
    ReportCacheLoad,
    SetCacheFleet,
    SimulateFleet,
    TransportVmRemoved,
)
from stowage_contracts.messages.image_store import DemoteStore, PrefetchObject, ReplicaFailed
from stowage_contracts.values import ObjectRef, Scope, ScopeType
from stowage_runtime.testing.bench import ServiceBench

from tests.unit.api_gateway import caches, words
from tests.unit.api_gateway.api import Api, account

Bench = ServiceBench[Deps]
WANTED = {
    "name": "pod one",
    "scope": "pod",
    "scope_id": "pod1",
    "maximum": 3,
    "vm": {"disk_bytes": 1 << 30, "clients": ["10.0.0.0/24"]},
}
FLEET = CacheFleet(
    id="f1",
    name="pod one",
    scope=Scope(type=ScopeType.POD, id="pod1", zone_id="z1"),
    maximum=3,
    vm=VmSpec(disk_bytes=1 << 30, clients=("10.0.0.0/24",)),
)


async def pod(api: Api, bench: Bench) -> None:
    await bench.handle(words.zone("z1"), sequence=1)
    await api.post("/v1/pods", {"id": "pod1", "name": "p", "zone_id": "z1"})
    await bench.forget()


async def test_a_fleet_is_read_at_once_and_its_owner_told(api: Api, bench: Bench) -> None:
    await pod(api, bench)
    made = await api.call("PUT", "/v1/cache-fleets/f1", WANTED)
    assert (made.status, made.body["members"]) == (202, 0)
    assert CacheFleet.model_validate(made.body) == FLEET
    assert (await api.get("/v1/cache-fleets/f1")).body == made.body
    (sent,) = await bench.sent()
    assert (sent.message, sent.to) == (SetCacheFleet(fleet=FLEET), "cache-autoscaler")


async def test_new_limits_leave_what_is_known_of_a_fleet(api: Api, bench: Bench) -> None:
    await pod(api, bench)
    state = CacheFleetView(**dict(FLEET), members=2, offered=1, backlog_bytes=5)
    await bench.handle(caches.fleet().model_copy(update={"state": state}), sequence=1)
    changed = (await api.call("PUT", "/v1/cache-fleets/f1", {**WANTED, "maximum": 9})).body
    figures = [changed[name] for name in ("maximum", "members", "offered", "backlog_bytes")]
    assert figures == [9, 2, 1, 5]
    elsewhere = {**WANTED, "scope": "zone", "scope_id": "z1"}
    refused = await api.call("PUT", "/v1/cache-fleets/f1", elsewhere)
    assert (refused.status, refused.body["code"]) == (400, "invalid.scope")


@pytest.mark.parametrize(
    ("key", "change", "status", "code"),
    [
        ("f1", {"scope_id": "ghost"}, 404, "not_found"),
        ("f1", {"scope": "region", "scope_id": None}, 400, "invalid.body"),
        ("f1", {"minimum": 4}, 400, "invalid.body"),
        ("f1", {"maximum": 1001}, 400, "invalid.body"),
        ("f1", {"vm": {"disk_bytes": 1}}, 400, "invalid.body"),
        ("f1", {"vm": {"clients": ["everybody"]}}, 400, "invalid.body"),
        ("f1", {"vm": {"disc_bytes": 1 << 30}}, 400, "invalid.body"),
        ("f1", {"cool_down_seconds": -1}, 400, "invalid.body"),
        ("no%20id", {}, 400, "invalid.id"),
    ],
)
async def test_a_fleet_that_cannot_be_is_refused(
    api: Api, bench: Bench, key: str, change: dict[str, Any], status: int, code: str
) -> None:
    await pod(api, bench)
    answer = await api.call("PUT", f"/v1/cache-fleets/{key}", {**WANTED, **change})
    assert (answer.status, answer.body["code"]) == (status, code)
    assert await bench.said() == []


async def test_a_removed_fleet_is_gone_once_its_owner_says_so(api: Api, bench: Bench) -> None:
    await bench.handle(caches.fleet(), sequence=1)
    assert (await api.delete("/v1/cache-fleets/f1")).status == 202
    (sent,) = await bench.sent()
    assert (sent.message, sent.to) == (RemoveCacheFleet(fleet_id="f1"), "cache-autoscaler")
    assert len((await api.get("/v1/cache-fleets")).body["items"]) == 1
    await bench.handle(CacheFleetRemoved(state=caches.fleet().state), sequence=2)
    assert (await api.get("/v1/cache-fleets/f1")).status == 404
    assert (await api.delete("/v1/cache-fleets/f1")).status == 404


async def test_a_fleet_is_explained_by_its_owner(api: Api, bench: Bench) -> None:
    bench.bus.replies.update(caches.ANSWERS)
    assert (await api.get("/v1/cache-fleets/f1/explain")).status == 404
    await bench.handle(caches.fleet(), sequence=1)
    told = (await api.get("/v1/cache-fleets/f1/explain")).body
    assert told["answers"][0]["desired"]["reason"] == caches.REASON
    assert told["doing"] == "waits for v1 to serve"
    assert told["decisions"][0]["kind"] == "spawn"


async def test_a_day_is_tried_on_a_fleet_as_it_is_or_might_be(api: Api, bench: Bench) -> None:
    bench.bus.replies.update(caches.ANSWERS)
    await pod(api, bench)
    day = {"demand": [{"seconds": 0, "wanted_bytes": 7}, {"seconds": 60, "wanted_bytes": 0}]}
    path = "/v1/cache-fleets/f1/simulate"
    assert (await api.post(path, day)).status == 404
    might = await api.post(path, {**day, "fleet": WANTED, "spawn_seconds": 5})
    assert (might.status, might.body["vm_hours"]) == (200, 3.25)
    known = CacheFleetView(**dict(FLEET))
    await bench.handle(caches.fleet().model_copy(update={"state": known}), sequence=1)
    assert (await api.post(path, day)).status == 200
    (first, _), (second, _) = bench.bus.asked
    demand = (Demand(seconds=0, wanted_bytes=7), Demand(seconds=60, wanted_bytes=0))
    assert first == SimulateFleet(fleet=FLEET, demand=demand, spawn_seconds=5)
    assert second == SimulateFleet(fleet=FLEET, demand=demand)
    wrong: list[Any] = [
        {"demand": []},
        {"demand": day["demand"][::-1]},
        {**day, "spawn_seconds": -1},
    ]
    for bad in wrong:
        assert (await api.post(path, bad)).status == 400, bad


async def test_vms_are_listed_by_fleet_host_and_state_until_they_are_gone(
    api: Api, bench: Bench
) -> None:
    await bench.handle(caches.vm("v1"), sequence=1)
    await bench.handle(caches.vm("v2", host_id="h2", state=VmState.OFFERED), sequence=1)
    table = {"": {"v1", "v2"}, "?host_id=h2": {"v2"}, "?state=starting": {"v1"}}
    for query, ids in {**table, "?fleet_id=f2": set()}.items():
        found = (await api.get(f"/v1/transport-vms{query}")).body["items"]
        assert {vm["id"] for vm in found} == ids, query
    gone = caches.vm("v1", state=VmState.GONE, reason="idle").state
    await bench.handle(TransportVmRemoved(state=gone), sequence=2)
    assert [vm["id"] for vm in (await api.get("/v1/transport-vms")).body["items"]] == ["v2"]
    shown = (await api.get("/v1/transport-vms/v1")).body
    assert (shown["state"], shown["reason"]) == ("gone", "idle")


async def test_entries_are_asked_of_their_owner_page_by_page(api: Api, bench: Bench) -> None:
    bench.bus.replies.update(caches.ANSWERS)
    await bench.handle(words.store("cache1", role="ImageCache"), sequence=1)
    first = (await api.get("/v1/cache-entries?store_id=cache1&limit=1")).body
    assert ([each["id"] for each in first["entries"]], first["next"]) == (["e1"], "e1")
    second = (await api.get("/v1/cache-entries?after=e1")).body
    assert second["entries"][0]["pinned_by"] == ["c1"]
    asked = [question for question, _ in bench.bus.asked]
    assert asked == [ListEntries(store_id="cache1", limit=1), ListEntries(after="e1")]
    assert (await api.get("/v1/cache-entries?store_id=ghost")).status == 404


async def test_an_entry_is_held_let_go_and_evicted(api: Api, bench: Bench) -> None:
    bench.bus.replies.update(caches.ANSWERS)
    before = datetime.now(UTC)
    held = await api.post("/v1/cache-entries/e1/hold", {"seconds": 60}, Idempotency_Key="k")
    again = await api.post("/v1/cache-entries/e1/hold", {"seconds": 60}, Idempotency_Key="k")
    assert (held.status, again.body) == (202, held.body)
    assert (await api.post("/v1/cache-entries/e1/hold", {"seconds": 0})).body == {
        "id": "e1",
        "held_until": None,
    }
    assert (await api.post("/v1/cache-entries/e1/evict")).status == 202
    holds, lets_go, evicts = await bench.said()
    assert isinstance(holds, HoldEntry)
    assert holds.until is not None
    assert timedelta(seconds=59) < holds.until - before < timedelta(seconds=90)
    assert (lets_go, evicts) == (HoldEntry(entry_id="e1"), EvictEntry(entry_id="e1"))
    assert (await api.post("/v1/cache-entries/no%20id/evict")).status == 400


@pytest.mark.parametrize(("what", "body"), [("hold", {}), ("evict", None)])
async def test_an_entry_nobody_has_is_not_found(
    api: Api, bench: Bench, what: str, body: Any
) -> None:
    bench.bus.replies.update(caches.ANSWERS)
    answer = await api.post(f"/v1/cache-entries/ghost/{what}", body)
    assert (answer.status, answer.body["code"]) == (404, "not_found.entry")
    assert (answer.body["resource"], await bench.said()) == ("entry/ghost", [])


async def test_an_eviction_asked_for_again_is_answered_the_same_once_the_entry_is_gone(
    api: Api, bench: Bench
) -> None:
    bench.bus.replies.update(caches.ANSWERS)
    first = await api.post("/v1/cache-entries/e1/evict", Idempotency_Key="k")
    bench.bus.replies[ListEntries] = lambda _: EntriesListed(entries=())
    again = await api.post("/v1/cache-entries/e1/evict", Idempotency_Key="k")
    assert (first.status, again.status, again.body) == (202, 202, first.body)
    assert await bench.said() == [EvictEntry(entry_id="e1")]


async def test_decisions_are_asked_by_subject(api: Api, bench: Bench) -> None:
    bench.bus.replies.update(caches.ANSWERS)
    told = (await api.get("/v1/decisions?subject=copy/c1&limit=5")).body
    assert told["decisions"][0]["subject"] == "copy/c1"
    question = ListDecisions(subject_of="copy/c1", limit=5)
    assert bench.bus.asked == [(question, "cache-autoscaler")]


@pytest.mark.parametrize("noun", ["template", "volume", "snapshot"])
async def test_a_prefetch_is_a_copy_to_follow(api: Api, bench: Bench, noun: str) -> None:
    await bench.handle(words.zone("z1"), sequence=1)
    await bench.handle(words.OBJECTS[f"{noun}s"]("o1", ready=True), sequence=1)
    body = {"id": "c1", "scope": "zone", "scope_id": "z1", "hold_seconds": 60, "priority": 3}
    made = await api.post(f"/v1/{noun}s/o1/prefetch", body)
    assert (made.status, made.body["destination"]) == (202, "a cache of zone/z1")
    (sent,) = await bench.sent()
    expected = PrefetchObject(
        copy_id="c1",
        account_id="admin",
        object=ObjectRef(kind=noun, id="o1"),
        scope=Scope.zone("z1"),
        hold_seconds=60,
        priority=3,
    )
    assert (sent.message, sent.to) == (expected, "image-store")
    refusal = caches.decision()
    failed = ReplicaFailed(
        object=expected.object,
        copy_id="c1",
        error={"code": "not_found", "title": "t", "cause": refusal.reason},
    )
    await bench.handle(failed)
    assert (await api.get("/v1/copies/c1")).body["state"] == "failed"
    assert (await api.post(f"/v1/{noun}s/ghost/prefetch", body)).status == 404


async def test_an_image_store_is_demoted_in_its_own_scope_or_another(
    api: Api, bench: Bench
) -> None:
    await bench.handle(words.zone("z1"), sequence=1)
    await bench.handle(words.store("s1"), sequence=1)
    await bench.handle(words.store("cache1", role="ImageCache"), sequence=1)
    there = {"scope": "zone", "scope_id": "z1", "name": "staging", "cache_store_id": "c1"}
    assert (await api.post("/v1/stores/s1/demote", there)).body == {
        "id": "s1",
        "cache_store_id": "c1",
    }
    fresh = (await api.post("/v1/stores/s1/demote", {})).body["cache_store_id"]
    assert await bench.said() == [
        DemoteStore(store_id="s1", cache_store_id="c1", name="staging", scope=Scope.zone("z1")),
        DemoteStore(store_id="s1", cache_store_id=fresh, name="s1", scope=Scope.region()),
    ]
    refused = await api.post("/v1/stores/cache1/demote", {})
    assert (refused.status, refused.body["code"]) == (400, "invalid.role")
    assert (await api.post("/v1/stores/s1/demote", {"scope_id": "z1"})).status == 400
    assert (await api.post("/v1/stores/s1/demote", {"scope": "zone"})).status == 400


async def test_nobody_but_operators_hears_of_fleets_and_vms(api: Api, bench: Bench) -> None:
    mine, _ = await account(api)
    await bench.handle(caches.fleet(), sequence=1)
    await bench.handle(caches.vm(), sequence=1)
    await bench.handle(words.zone("last"), sequence=1)
    async with api.events("?after=0-0") as events:
        heard = {(await events.next())["noun"] for _ in range(3)}
    assert heard == {"cache_fleet", "transport_vm", "zone"}
    async with mine.events("?after=0-0") as events:
        assert (await events.next())["id"] == "last"


async def test_a_foreign_load_reaches_the_owner_of_a_fleet(bench: Bench) -> None:
    await bench.handle(caches.fleet("f1"), sequence=1)
    data = {"storeId": "f1", "backlogBytes": 7, "reason": "an operator's script"}
    envelope = Envelope(id="m1", source="foreign/acs", type="CacheLoadHigh", subject="f", data=data)
    await bench.consumer.take(envelope)
    (said,) = await bench.said(ReportCacheLoad)
    assert isinstance(said, ReportCacheLoad)
    assert (said.load.store_id, said.load.backlog_bytes) == ("f1", 7)
