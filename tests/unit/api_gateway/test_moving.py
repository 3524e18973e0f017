"""Moving a volume: a copy to follow, and a command for its owner."""

from api_gateway.deps import Deps
from stowage_contracts.errors import Conflict
from stowage_contracts.messages.image_store import MoveVolume, ReplicaFailed
from stowage_contracts.values import ObjectRef
from stowage_runtime.testing.bench import ServiceBench

from tests.unit.api_gateway import words
from tests.unit.api_gateway.api import Api, account

Bench = ServiceBench[Deps]


async def prepared(bench: Bench, role: str = "Primary") -> None:
    await bench.handle(words.store("p1", role=role), sequence=1)
    await bench.handle(words.volume("v1"), sequence=1)


async def test_a_move_is_a_copy_of_the_volume_to_its_new_store(api: Api, bench: Bench) -> None:
    await prepared(bench)
    made = await api.post("/v1/volumes/v1/move", {"store_id": "p1", "priority": 10})
    assert made.status == 202
    assert (made.body["source"], made.body["destination"]) == ("volume/v1", "store/p1")
    (said,) = await bench.said(MoveVolume)
    assert isinstance(said, MoveVolume)
    assert (said.volume_id, said.store_id, said.priority) == ("v1", "p1", 10)
    assert said.copy_id == made.body["id"]
    assert said.account_id == made.body["account_id"]


async def test_a_refused_move_ends_with_its_reason(api: Api, bench: Bench) -> None:
    await prepared(bench)
    made = await api.post("/v1/volumes/v1/move", {"store_id": "p1"})
    refused = ReplicaFailed(
        object=ObjectRef(kind="volume", id="v1"),
        store_id="p1",
        copy_id=made.body["id"],
        error=Conflict("it is a linked clone", code="linked_clone").problem,
    )
    await bench.handle(refused)
    shown = (await api.get(f"/v1/copies/{made.body['id']}")).body
    assert (shown["state"], shown["error"]["code"]) == ("failed", "conflict.linked_clone")


async def test_nothing_moves_to_a_cache_or_to_nowhere(api: Api, bench: Bench) -> None:
    await prepared(bench, role="ImageCache")
    assert (await api.post("/v1/volumes/v1/move", {"store_id": "p1"})).status == 400
    assert (await api.post("/v1/volumes/v1/move", {"store_id": "ghost"})).status == 404
    assert (await api.post("/v1/volumes/ghost/move", {"store_id": "p1"})).status == 404
    assert await bench.said(MoveVolume) == []


async def test_strangers_move_nothing(api: Api, bench: Bench) -> None:
    await prepared(bench)
    stranger, _ = await account(api)
    assert (await stranger.post("/v1/volumes/v1/move", {"store_id": "p1"})).status == 404


async def test_an_ordinary_account_moves_nothing_ahead_of_vm_starts(api: Api, bench: Bench) -> None:
    user, account_id = await account(api)
    await bench.handle(words.store("p1", role="Primary"), sequence=1)
    await bench.handle(words.volume("v1", account_id=account_id), sequence=1)
    urgent = {"store_id": "p1", "priority": 11}
    assert (await user.post("/v1/volumes/v1/move", urgent)).status == 403
    assert await bench.said(MoveVolume) == []
    assert (await user.post("/v1/volumes/v1/move", urgent | {"priority": 10})).status == 202
