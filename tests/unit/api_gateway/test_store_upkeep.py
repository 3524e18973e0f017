"""Providers' forms and the upkeep of image stores."""

import json
from typing import Any

import pytest
from api_gateway.deps import Deps
from api_gateway.forms import form_of
from pydantic import SecretStr
from stowage_contracts.catalogue import StoreEntry
from stowage_contracts.envelope import Envelope
from stowage_contracts.errors import Conflict, InvalidInput
from stowage_contracts.message import Message
from stowage_contracts.messages.image_store import (
    AddStore,
    AdoptStore,
    ChangeStore,
    CleanStore,
    EvacuateStore,
    ListFindings,
    ListStoreObjects,
    MoveReplicas,
    MovesPlanned,
    PlanEvacuation,
    PlanMoves,
    ScanStore,
    StopEvacuation,
    StoreObjectsListed,
)
from stowage_contracts.values import ObjectRef
from stowage_runtime.secrets import Opener
from stowage_runtime.testing.bench import ServiceBench

from tests.unit.api_gateway import words
from tests.unit.api_gateway.api import Api

Bench = ServiceBench[Deps]
NEW = {"id": "s1", "name": "rgw", "provider": "s3"}
FORM_FILLED = {"bucket": "b", "secret_key": "canary", "token": "canary2"}
PLAIN, SECRET = {"bucket": "b"}, {"secret_key": "canary", "token": "canary2"}


def opened(sealed: str | None, made_keys: dict[str, str]) -> dict[str, str]:
    opener = Opener(SecretStr(made_keys["seal_private_key_image_store"]))
    found: dict[str, str] = json.loads(opener.open(sealed or "", "image_data_store/s1"))
    return found


async def test_a_providers_form_is_listed_by_role(api: Api, bench: Bench) -> None:
    await bench.handle(words.provider("s3"), sequence=1)
    await bench.handle(words.provider("cache", roles=["ImageCache"]), sequence=1)
    table = {"": {"s3", "cache"}, "?role=Image": {"s3"}, "?role=Primary": set()}
    for query, ids in table.items():
        found = (await api.get(f"/v1/providers{query}")).body["items"]
        assert {item["id"] for item in found} == ids
    shown = (await api.get("/v1/providers/s3")).body
    assert shown["settings"]["properties"]["secret_key"]["writeOnly"] is True


@pytest.mark.parametrize("named", ["s3", "S3"])
async def test_secret_fields_of_a_flat_form_are_sealed(
    api: Api, bench: Bench, made_keys: dict[str, str], named: str
) -> None:
    await bench.handle(words.provider(), sequence=1)
    body = {**NEW, "provider": named, "settings": FORM_FILLED, "tags": ["gold"]}
    made = await api.post("/v1/stores", body, Idempotency_Key="k1")
    assert (made.status, made.body["settings"], made.body["tags"]) == (202, PLAIN, ["gold"])
    (said,) = await bench.said(AddStore)
    assert isinstance(said, AddStore)
    assert (said.settings, said.tags) == (PLAIN, ("gold",))
    assert opened(said.sealed, made_keys) == SECRET
    again = await api.post("/v1/stores", body, Idempotency_Key="k1")
    assert (again.status, again.body) == (202, made.body)
    async with bench.tx() as tx:
        assert "canary" not in str(dict(await tx.row("replay", "admin", "k1") or {}))


async def test_what_a_provider_declares_open_may_look_secret(api: Api, bench: Bench) -> None:
    await bench.handle(words.provider(), sequence=1)
    table: list[Any] = [
        ({"private_path": "/exports"}, 202),
        ({"private_path": "https://me:canary@host/"}, 400),
        ({"password": "canary"}, 400),
        ({"secret_key": 7}, 400),
    ]
    for number, (settings, status) in enumerate(table):
        answer = await api.post("/v1/stores", {**NEW, "id": f"s{number}", "settings": settings})
        assert answer.status == status, settings
        assert "canary" not in str(answer.body)


async def test_a_secret_is_given_once(api: Api, bench: Bench) -> None:
    await bench.handle(words.provider(), sequence=1)
    twice = {"settings": FORM_FILLED, "secrets": {"secret_key": "canary"}}
    answer = await api.post("/v1/stores", {**NEW, **twice})
    assert (answer.status, answer.body["code"]) == (400, "invalid.secret")
    assert "canary" not in str(answer.body)


async def test_a_foreign_message_may_not_carry_a_declared_secret(bench: Bench) -> None:
    await bench.handle(words.provider(), sequence=1)
    data = {**NEW, "settings": {"token": "canary"}}
    with pytest.raises(InvalidInput, match="token") as refused:
        await bench.consumer.take(
            Envelope(id="m1", source="foreign/acs", type="StoreAdded", subject="f", data=data)
        )
    assert "canary" not in refused.value.problem.model_dump_json()


async def test_a_provider_nobody_offered_has_no_form(bench: Bench) -> None:
    async with bench.tx() as tx:
        form = await form_of("ghost", tx)
    assert (form.secret, form.plain) == (frozenset(), frozenset())


async def test_an_image_store_is_changed(api: Api, bench: Bench, made_keys: dict[str, str]) -> None:
    await bench.handle(words.provider(), sequence=1)
    await bench.handle(words.store("s1", provider="S3"), sequence=1)
    for body in (
        {"state": "ReadOnly"},
        {"name": "new", "tags": []},
        {"capacity_bytes": 7},
        {"settings": FORM_FILLED},
        {"secrets": {"secret_key": "canary"}},
    ):
        changed = await api.call("PATCH", "/v1/stores/s1", body)
        assert changed.status == 202
        assert "canary" not in str(changed.body)
    state, names, room, settings, secrets = await bench.said(ChangeStore)
    assert state == ChangeStore(store_id="s1", state="ReadOnly")
    assert names == ChangeStore(store_id="s1", name="new", tags=())
    assert room == ChangeStore(store_id="s1", capacity_bytes=7)
    assert isinstance(settings, ChangeStore)
    assert isinstance(secrets, ChangeStore)
    assert settings.settings == PLAIN
    assert opened(settings.sealed, made_keys) == SECRET
    assert secrets.settings is None
    assert opened(secrets.sealed, made_keys) == {"secret_key": "canary"}


@pytest.mark.parametrize(
    "body", [{}, {"state": "Removed"}, {"state": "Adding"}, {"settings": {"a": "x" * 20_000}}]
)
async def test_a_change_that_is_none_is_refused(
    api: Api, bench: Bench, body: dict[str, Any]
) -> None:
    await bench.handle(words.store("s1"), sequence=1)
    answer = await api.call("PATCH", "/v1/stores/s1", body)
    assert (answer.status, answer.body["code"]) == (400, "invalid.body")


ORDERS: list[Any] = [
    ("POST", "evacuate", {"remove": True}, EvacuateStore(store_id="s1", remove=True)),
    ("POST", "evacuate", {}, EvacuateStore(store_id="s1")),
    (
        "POST",
        "evacuate",
        {"to_store_ids": ["s2"]},
        EvacuateStore(store_id="s1", to_store_ids=("s2",)),
    ),
    (
        "POST",
        "moves",
        {"objects": [words.TEMPLATE_OBJECT], "to_store_ids": ["s2"]},
        MoveReplicas(
            store_id="s1", objects=(ObjectRef(**words.TEMPLATE_OBJECT),), to_store_ids=("s2",)
        ),
    ),
    ("DELETE", "evacuation", None, StopEvacuation(store_id="s1")),
    ("POST", "scan", None, ScanStore(store_id="s1")),
    (
        "POST",
        "clean",
        {"finding_ids": ["f1", "f2"]},
        CleanStore(store_id="s1", finding_ids=("f1", "f2")),
    ),
    ("POST", "adopt", None, AdoptStore(store_id="s1")),
]


@pytest.mark.parametrize(("method", "verb", "body", "command"), ORDERS)
async def test_upkeep_is_ordered_once(
    api: Api, bench: Bench, method: str, verb: str, body: Any, command: Message
) -> None:
    await bench.handle(words.store("s1"), sequence=1)
    await bench.handle(words.store("s2"), sequence=2)
    for _ in range(2):
        answer = await api.call(method, f"/v1/stores/s1/{verb}", body, Idempotency_Key="k1")
        assert (answer.status, answer.body["id"]) == (202, "s1")
    assert await bench.said() == [command]


@pytest.mark.parametrize("role", ["Primary", "ImageCache"])
async def test_upkeep_is_of_image_stores(api: Api, bench: Bench, role: str) -> None:
    await bench.handle(words.store("s1", role=role), sequence=1)
    await bench.handle(words.store("s2"), sequence=2)
    asked: list[Any] = [
        *((method, verb, body) for method, verb, body, _ in ORDERS),
        ("GET", "evacuation-plan", None),
        ("GET", "findings", None),
        ("GET", "objects", None),
        ("POST", "moves/plan", {"to_store_ids": ["s2"]}),
    ]
    for method, verb, body in asked:
        answer = await api.call(method, f"/v1/stores/s1/{verb}", body)
        assert (answer.status, answer.body["code"]) == (400, "invalid.role")
    changed = await api.call("PATCH", "/v1/stores/s1", {"name": "new"})
    assert (changed.status, changed.body["code"]) == (400, "invalid.role")
    assert await bench.said() == []


async def test_a_plan_and_findings_are_asked_of_the_owner(api: Api, bench: Bench) -> None:
    bench.bus.replies.update(words.ANSWERS)
    await bench.handle(words.store("s1"), sequence=1)
    plan = await api.get("/v1/stores/s1/evacuation-plan")
    assert (plan.status, plan.body["bytes_to_move"]) == (200, 7)
    assert plan.body["moves"][0]["to_store_id"] == "s2"
    found = await api.get("/v1/stores/s1/findings?after=f0&limit=5")
    assert [finding["id"] for finding in found.body["findings"]] == ["f1"]
    questions = [question for question, _ in bench.bus.asked]
    assert questions == [
        PlanEvacuation(store_id="s1"),
        ListFindings(store_id="s1", after="f0", limit=5),
    ]


async def test_a_store_is_browsed_and_moves_are_planned(api: Api, bench: Bench) -> None:
    entry = StoreEntry(name="tmpl", folder=True)
    bench.bus.replies[ListStoreObjects] = StoreObjectsListed(
        store_id="s1", entries=(entry,), count=1
    )
    bench.bus.replies[PlanMoves] = MovesPlanned(store_id="s1", moves=())
    for key in ("s1", "s2"):
        await bench.handle(words.store(key), sequence=int(key[1]))
    found = await api.get("/v1/stores/s1/objects?path=template&limit=7")
    assert (found.status, found.body["entries"][0]["name"]) == (200, "tmpl")
    planned = await api.post("/v1/stores/s1/moves/plan", {"to_store_ids": ["s2"]})
    assert (planned.status, planned.body["moves"]) == (200, [])
    assert [question for question, _ in bench.bus.asked] == [
        ListStoreObjects(store_id="s1", path="template", limit=7),
        PlanMoves(store_id="s1", to_store_ids=("s2",)),
    ]
    wrong: list[Any] = [["s9"], [], ["s2", "s2"]]
    for targets in wrong:
        answer = await api.post("/v1/stores/s1/moves/plan", {"to_store_ids": targets})
        assert answer.status in (400, 404)


async def test_what_the_owner_refuses_is_told(api: Api, bench: Bench) -> None:
    await bench.handle(words.store("s1"), sequence=1)
    bench.bus.replies[PlanEvacuation] = Conflict("it is being scanned", code="busy")
    answer = await api.get("/v1/stores/s1/evacuation-plan")
    assert (answer.status, answer.body["code"]) == (409, "conflict.busy")
    bench.bus.replies.clear()
    silent = await api.get("/v1/stores/s1/evacuation-plan")
    assert (silent.status, silent.body["code"]) == (503, "unavailable.no_reply")
    assert silent.headers["Retry-After"]
