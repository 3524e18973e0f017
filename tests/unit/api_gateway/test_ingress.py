"""Foreign messages become commands for their owners, or are refused and leave nothing."""

from datetime import UTC, datetime
from typing import Any

import pytest
from api_gateway.deps import Deps
from stowage_contracts.envelope import Envelope
from stowage_contracts.errors import Conflict, InvalidInput, NotFound, StowageError
from stowage_contracts.messages.cache_autoscaler import ReportCacheLoad
from stowage_contracts.messages.image_store import AddStore, RequestCopy
from stowage_runtime.secrets import Sealer
from stowage_runtime.testing.bench import ServiceBench

from tests.unit.api_gateway import words
from tests.unit.api_gateway.api import Api

Bench = ServiceBench[Deps]
SINCE = datetime(1970, 1, 1, tzinfo=UTC)
STORE = {"id": "s1", "name": "rgw", "provider": "S3", "settings": {"bucket": "b"}}


async def send(bench: Bench, type: str, data: dict[str, Any], id: str = "m1") -> None:
    envelope = Envelope(id=id, source="foreign/acs", type=type, subject="foreign", data=data)
    await bench.consumer.take(envelope)


async def test_a_foreign_store_becomes_a_command_for_its_owner(
    bench: Bench, api: Api, made_keys: dict[str, str]
) -> None:
    public = made_keys["seal_public_key_image_store"]
    sealed = Sealer.seal(public, b'{"secret_key": "canary"}', "image_data_store/s1")
    await send(bench, "StoreAdded", {**STORE, "sealed": sealed})
    (sent,) = await bench.sent()
    assert isinstance(sent.message, AddStore)
    assert (sent.to, sent.message.sealed) == ("image-store", sealed)
    assert sent.envelope.correlationid == "m1"
    assert (await api.get("/v1/stores/s1")).body["state"] == "Adding"


async def test_a_foreign_copy_is_asked_for_in_the_name_of_its_account(
    bench: Bench, api: Api
) -> None:
    account = (await api.post("/v1/accounts", {"name": "someone"})).body["account_id"]
    await bench.handle(words.pool("p1"), sequence=1)
    await bench.handle(words.template("t1", account_id=account), sequence=1)
    data = {"templateId": "t1", "storeId": "p1", "accountId": account, "id": "c1"}
    await send(bench, "CopyRequested", data)
    (said,) = await bench.said(RequestCopy)
    assert isinstance(said, RequestCopy)
    assert (said.account_id, said.copy_id) == (account, "c1")
    assert (await api.get("/v1/copies/c1")).body["account_id"] == account


async def test_foreign_load_is_reported_to_the_owner_of_caches(bench: Bench) -> None:
    await bench.handle(words.store("k1", role="ImageCache"), sequence=1)
    await send(bench, "CacheLoadHigh", {"store_id": "k1", "streams": 7, "reason": "slow"})
    (sent,) = await bench.sent()
    assert isinstance(sent.message, ReportCacheLoad)
    assert (sent.to, sent.message.load.streams) == ("cache-autoscaler", 7)
    assert sent.message.reason == "slow"


async def test_the_same_message_twice_is_done_once(bench: Bench) -> None:
    await send(bench, "StoreAdded", STORE)
    await send(bench, "StoreAdded", STORE)
    assert len(await bench.said(AddStore)) == 1


@pytest.mark.parametrize(
    ("type", "data", "kind", "told"),
    [
        ("HostJoined", {}, InvalidInput, "nothing foreign of that type"),
        ("", {}, InvalidInput, "nothing foreign of that type"),
        ("StoreAdded", {}, InvalidInput, "name: Field required"),
        ("StoreAdded", {**STORE, "colour": "red"}, InvalidInput, "colour"),
        ("StoreAdded", {**STORE, "secrets": {"k": "canary"}}, InvalidInput, "sealed"),
        ("StoreAdded", {**STORE, "settings": {"secret_key": "canary"}}, InvalidInput, "secret_key"),
        ("StoreAdded", {**STORE, "sealed": "canary"}, InvalidInput, "sealed"),
        ("StoreAdded", {**STORE, "id": None, "sealed": "box1.AA"}, InvalidInput, "give that id"),
        ("StoreAdded", {**STORE, "scope": "zone", "scope_id": "z9"}, NotFound, "no such zone"),
        ("StoreAdded", {**STORE, "role": "Primary"}, InvalidInput, "primary pools"),
        ("CopyRequested", {"template_id": "t9", "store_id": "p1"}, NotFound, "no such template"),
        (
            "CopyRequested",
            {"template_id": "t1", "store_id": "p1", "account_id": "nobody"},
            NotFound,
            "no such account",
        ),
        ("CacheLoadHigh", {"store_id": "s9"}, NotFound, "no such store"),
        ("CacheLoadHigh", {"store_id": "p1"}, InvalidInput, "role Primary"),
        ("CacheLoadHigh", {"store_id": "p1", "streams": -1}, InvalidInput, "streams"),
        ("StoreAdded", {**STORE, "name": "a\0b"}, InvalidInput, "NUL"),
    ],
)
async def test_a_bad_message_is_refused_and_leaves_nothing(
    bench: Bench, type: str, data: dict[str, Any], kind: type[StowageError], told: str
) -> None:
    await bench.handle(words.pool("p1"), sequence=1)
    with pytest.raises(kind, match=told) as refused:
        await send(bench, type, data)
    assert refused.value.problem.code
    assert "canary" not in refused.value.problem.model_dump_json()
    assert await bench.said() == []
    async with bench.tx() as tx:
        kept = await tx.rows("newest", "store", None, "", [{}], 9, SINCE)
    assert [row["id"] for row in kept] == ["p1"]


async def test_a_taken_id_is_a_conflict(bench: Bench) -> None:
    await send(bench, "StoreAdded", STORE, id="m1")
    with pytest.raises(Conflict, match="exists already"):
        await send(bench, "StoreAdded", STORE, id="m2")
