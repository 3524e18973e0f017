"""Every built-in provider as a cache, on real servers: reserve, fill, read, evict; scopes."""

import pytest
from stowage_contracts.errors import GrantRefused, NotFound
from stowage_contracts.messages.cache_autoscaler import CacheAdded, CacheReserved, EvictEntry
from stowage_contracts.messages.image_store import GrantRedeemed, RedeemGrant
from stowage_contracts.sealing import for_store
from stowage_contracts.values import CopyEnd, Location, Scope
from stowage_runtime.secrets import Sealer

from tests.integration.cache_autoscaler.providers.conftest import PART, Place
from tests.unit.cache_autoscaler.scene import Scene, image

SIZE = PART + 5
DATA = image("t1", SIZE)[1]
HERE = Location(zone_id="z1", pod_id="p1", cluster_id="c1", host_id="h1")
SCOPES = tuple(
    (Scope.model_validate({"type": kind, "id": name, "zone_id": "z1"}), f"{kind}_id", other)
    for kind, name, other in (
        ("host", "h1", "h2"),
        ("cluster", "c1", "c2"),
        ("pod", "p1", "p2"),
        ("zone", "z1", "z2"),
    )
)


async def added(scene: Scene, place: Place) -> None:
    public = scene.keys["stowage_seal_public_key_cache_autoscaler"]
    sealed = Sealer.seal(public, place.secret, for_store("k1")) if place.secret else ""
    said = await scene.store(provider=place.provider, settings=place.settings, sealed=sealed)
    assert [type(message) for message in said] == [CacheAdded], said


async def reserved(scene: Scene, place: Place, copy_id: str) -> CacheReserved:
    return await scene.reserve(copy_id, "t1", SIZE, schemes=(place.scheme,))


async def redeemed(scene: Scene, reply: CacheReserved, end: CopyEnd | None) -> GrantRedeemed:
    assert end is not None
    hop = f"{reply.copy_id}-hop"
    parts = -(-SIZE // PART) if end == reply.destination else 0
    ask = RedeemGrant(
        grant_id=end.grant.id, ticket=scene.ticket(reply, hop), size=SIZE, part_count=parts
    )
    answer = await scene.bench.ask(ask, source="agent/h1")
    assert isinstance(answer, GrantRedeemed)
    return answer


async def filled(scene: Scene, place: Place, copy_id: str) -> CacheReserved:
    reply = await reserved(scene, place, copy_id)
    assert reply.answer == "fill", reply.reason
    grant = (await redeemed(scene, reply, reply.destination)).grant
    step = grant.part_size or SIZE
    for at in range(0, SIZE, step):
        await place.client.write(grant, at, DATA[at : at + step])
    await scene.bench.handle(scene.committing(reply, DATA, f"{copy_id}-hop"))
    await scene.intents()
    return reply


async def test_it_is_filled_once_read_by_another_and_evicted(scene: Scene, place: Place) -> None:
    await added(scene, place)
    await scene.completed(await filled(scene, place, "c1"))
    reply = await reserved(scene, place, "c2")
    assert reply.answer == "ready", reply.reason
    grant = await redeemed(scene, reply, reply.source)
    assert grant.digest == scene.asking("c2", "t1", SIZE).digest
    assert await place.client.read(grant.grant, 0, SIZE) == DATA
    await scene.completed(reply)
    assert reply.entry_id is not None
    await scene.bench.handle(EvictEntry(entry_id=reply.entry_id))
    await scene.intents()
    assert await scene.entries() == []
    with pytest.raises((GrantRefused, NotFound, FileNotFoundError)):
        await place.client.read(grant.grant, 0, SIZE)
    assert (await reserved(scene, place, "c3")).answer == "fill"


async def test_a_fill_given_up_leaves_no_bytes(scene: Scene, place: Place) -> None:
    await added(scene, place)
    reply = await reserved(scene, place, "c1")
    grant = (await redeemed(scene, reply, reply.destination)).grant
    await place.client.write(grant, 0, DATA[: grant.part_size or SIZE])
    await scene.cancelled(reply)
    await scene.intents()
    assert await scene.entries() == []
    assert place.files is None or not list(place.files.rglob("*.part"))


async def test_it_serves_its_scope_and_no_further(scene: Scene, place: Place) -> None:
    await added(scene, place)
    offered = scene.bench.service.deps.stores.provider(place.provider).scopes
    for scope, part, other in SCOPES:
        assert scope.type in offered
        await scene.sql(
            "UPDATE cache_autoscaler.cache_stores SET scope_type = $1, scope_id = $2",
            scope.type,
            scope.id,
        )
        there = HERE.model_copy(update={part: other})
        refused = await scene.reserve("c1", location=there, schemes=(place.scheme,))
        assert (refused.answer, f"scope {scope.type}" in refused.reason) == ("none", True)
        assert (await reserved(scene, place, f"at-{scope.type}")).answer != "none"
