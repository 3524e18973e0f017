"""ReserveCache: single flight, promises within room, the same answer when asked again."""

import asyncio

from cache_autoscaler.deps import Deps
from stowage_contracts.hosts import HostAbilities
from stowage_contracts.messages.cache_autoscaler import CacheChanged
from stowage_contracts.messages.image_store import HostChanged
from stowage_contracts.values import HostState, HypervisorKind
from stowage_contracts.views import HostView
from stowage_runtime.testing.bench import ServiceBench

from tests.unit.cache_autoscaler.scene import HERE, MIB, Scene, image


def host(bench: ServiceBench[Deps], *roots: str) -> HostChanged:
    abilities = HostAbilities(
        hypervisor=HypervisorKind.XENSERVER, reads=("file",), writes=("file",), roots=roots
    )
    return HostChanged(
        state=HostView(
            id="h1",
            name="h1",
            location=HERE,
            hypervisor=HypervisorKind.XENSERVER,
            state=HostState.UP,
            abilities=abilities,
        )
    )


async def test_without_a_cache_in_scope_there_is_none(scene: Scene) -> None:
    reply = await scene.reserve("c1")
    assert (reply.answer, reply.source, reply.destination) == ("none", None, None)


async def test_the_first_copy_fills_and_reads_what_it_filled(scene: Scene) -> None:
    await scene.store()
    reply = await scene.reserve("c1")
    assert reply.answer == "fill"
    assert reply.destination is not None
    assert reply.source is not None
    assert reply.destination.key == reply.source.key
    assert reply.destination.root == str(scene.folder / "k1")
    assert reply.destination.grant.owner == "cache-autoscaler"
    assert reply.destination.grant != reply.source.grant
    assert await scene.entries() == [("t1", "reserved")]


async def test_asked_again_it_answers_the_same(scene: Scene) -> None:
    await scene.store()
    first = await scene.reserve("c1")
    again = await scene.reserve("c1")
    assert again.model_copy(update={"reason": first.reason}) == first
    await scene.write(first, image("t1")[1])
    assert (await scene.reserve("c1")).destination == first.destination
    await scene.bench.handle(scene.committing(first, image("t1")[1]))
    await scene.intents()
    ready = await scene.reserve("c1")
    assert (ready.answer, ready.source, ready.destination) == ("ready", first.source, None)


async def test_twenty_copies_at_once_make_one_fill(scene: Scene) -> None:
    await scene.store()
    replies = await asyncio.gather(*(scene.reserve(f"c{n}") for n in range(20)))
    answers = sorted(reply.answer for reply in replies)
    assert answers == ["fill"] + ["wait"] * 19
    assert len(await scene.entries()) == 1


async def test_a_ready_entry_is_read_by_everybody_else(scene: Scene) -> None:
    await scene.store()
    await scene.fill("c1")
    reply = await scene.reserve("c2")
    assert reply.answer == "ready"
    assert await scene.read(reply) == image("t1")[1]
    assert len(await scene.entries()) == 1


async def test_promises_never_exceed_room(scene: Scene) -> None:
    await scene.store(room=10 * MIB)
    names = [f"t{n}" for n in range(6)]
    replies = await asyncio.gather(*(scene.reserve(f"c-{n}", n, 3 * MIB) for n in names))
    assert sorted(reply.answer for reply in replies) == ["fill"] * 3 + ["wait"] * 3


async def test_two_large_objects_go_to_different_caches(scene: Scene) -> None:
    await scene.store("k1", room=10 * MIB)
    await scene.store("k2", room=10 * MIB)
    one = await scene.reserve("c1", "t1", 6 * MIB)
    two = await scene.reserve("c2", "t2", 6 * MIB)
    assert one.destination is not None
    assert two.destination is not None
    assert {one.destination.store_id, two.destination.store_id} == {"k1", "k2"}


async def test_more_than_any_cache_holds_is_refused_at_once(scene: Scene) -> None:
    await scene.store(room=10 * MIB)
    reply = await scene.reserve("c1", size=11 * MIB)
    assert reply.answer == "none"
    assert "more than any cache holds" in reply.reason


async def test_space_is_told_while_it_is_reserved(scene: Scene) -> None:
    await scene.store()
    await scene.reserve("c1")
    (changed,) = await scene.bench.said(CacheChanged)
    assert isinstance(changed, CacheChanged)
    assert changed.state.reserved_bytes == 1000


async def test_a_cache_the_reading_host_does_not_mount_is_left_out(scene: Scene) -> None:
    await scene.store()
    await scene.bench.handle(host(scene.bench, "/mnt/elsewhere"))
    reply = await scene.reserve("c1")
    assert reply.answer == "none"
    assert "does not see" in reply.reason
    await scene.bench.handle(host(scene.bench, str(scene.folder)))
    assert (await scene.reserve("c1")).answer == "fill"


async def test_the_reason_of_a_placement_is_kept(scene: Scene) -> None:
    await scene.store()
    await scene.reserve("c1")
    (row,) = await scene.sql("SELECT * FROM cache_autoscaler.decisions")
    assert (row["kind"], row["subject"]) == ("fill", "copy/c1")
    assert "free" in row["reason"]
