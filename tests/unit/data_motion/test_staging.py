from collections.abc import Callable

import pytest
from stowage_contracts.errors import InvalidInput, Unavailable
from stowage_contracts.message import Message
from stowage_contracts.messages.cache_autoscaler import (
    CacheAdded,
    CacheAnswer,
    CacheReserved,
    ReserveCache,
)
from stowage_contracts.messages.data_motion import (
    CopyCancelled,
    CopyCompleted,
    CopyFailed,
    CopyProgressed,
)
from stowage_contracts.messages.hypervisor_agent import ExecuteHop
from stowage_contracts.messages.image_store import ReleaseGrants

from tests.unit.data_motion.build import (
    DIGEST,
    SIZE,
    cache,
    cached,
    image,
    made_visible,
    moved,
    mover,
    pool,
    reported,
    withdraw,
    xen,
)
from tests.unit.data_motion.scene import Scene

WRITE, READ = cached("g-write"), cached("g-read")


def reply(answer: CacheAnswer) -> Callable[[Message], CacheReserved]:
    ends = {CacheAnswer.READY: (READ, None), CacheAnswer.FILL: (READ, WRITE)}
    source, destination = ends.get(answer, (None, None))

    def told(asked: Message) -> CacheReserved:
        assert isinstance(asked, ReserveCache)
        return CacheReserved(
            copy_id=asked.copy_id,
            answer=answer,
            reason="as told",
            entry_id="e1",
            source=source,
            destination=destination,
        )

    return told


@pytest.fixture
async def staged(scene: Scene) -> Scene:
    await scene.join(xen(), mover())
    await scene.bench.handle(CacheAdded(state=cache()))
    await scene.ask(destination=pool(xen()))
    return scene


async def answered(scene: Scene, answer: CacheAnswer) -> None:
    scene.bench.bus.replies[ReserveCache] = reply(answer)
    await scene.bench.run_intents()


async def test_the_caches_are_asked_around_the_host_that_will_read(staged: Scene) -> None:
    assert (await staged.view()).waiting_for == "space on a cache store"
    await answered(staged, CacheAnswer.FILL)
    ((question, to),) = staged.bench.bus.asked
    assert to == "cache-autoscaler"
    assert question == ReserveCache(
        copy_id="copy1",
        object=image().object,
        digest=DIGEST,
        size=SIZE,
        format=image().format,
        location=xen().location,
        schemes=("file",),
    )


async def test_two_hops_meet_in_the_cache(staged: Scene) -> None:
    await answered(staged, CacheAnswer.FILL)
    first = await staged.offer()
    assert (first.host_id, first.source, first.destination) == ("mover1", image(), WRITE)
    assert await staged.all(CopyCompleted) == []
    await staged.finish()
    second = await staged.offer()
    assert (second.host_id, second.source, second.destination) == ("xen1", READ, pool(xen()))
    assert (second.epoch, second.hop_id != first.hop_id) == (1, True)
    await staged.finish()
    done = await staged.one(CopyCompleted)
    assert [(hop.order, hop.state) for hop in done.state.hops] == [
        (0, "committed"),
        (1, "committed"),
    ]
    assert done.state.transfer.bytes_done == done.state.transfer.bytes_total == 2 * SIZE


async def test_a_cache_that_holds_it_already_saves_the_first_hop(staged: Scene) -> None:
    await answered(staged, CacheAnswer.READY)
    offer = await staged.offer()
    assert (offer.host_id, offer.source) == ("xen1", READ)
    await staged.finish()
    assert len((await staged.one(CopyCompleted)).state.hops) == 1


async def test_a_full_cache_is_asked_again_until_it_has_room(staged: Scene) -> None:
    await answered(staged, CacheAnswer.WAIT)
    assert (await staged.view()).waiting_for == "space on a cache store: as told"
    assert await staged.bench.run_intents() == 0
    await staged.pass_time(3, xen(), mover())
    await answered(staged, CacheAnswer.FILL)
    assert len(await staged.all(ExecuteHop)) == 1


async def test_waiting_for_a_cache_ends(staged: Scene) -> None:
    await answered(staged, CacheAnswer.WAIT)
    await staged.pass_time(4000, step=1000)
    assert (await staged.one(CopyFailed)).error.code == "unavailable.cache"
    await staged.bench.run_intents()
    assert len(await staged.all(CopyFailed)) == 1


async def test_no_cache_at_all_fails_the_copy_and_says_why(staged: Scene) -> None:
    await answered(staged, CacheAnswer.NONE)
    failed = await staged.one(CopyFailed)
    assert (failed.error.code, failed.error.cause) == (
        "no_strategy.cache",
        "no cache store can stage it: as told",
    )


async def test_a_cache_autoscaler_that_is_away_is_asked_again(staged: Scene) -> None:
    staged.bench.bus.replies[ReserveCache] = Unavailable("away", code="no_reply")
    await staged.bench.run_intents()
    assert await staged.all(CopyFailed) == []
    await staged.pass_time(120, xen(), mover(), step=60)
    await answered(staged, CacheAnswer.FILL)
    assert len(await staged.all(ExecuteHop)) == 1


async def test_a_question_that_is_refused_fails_the_copy(staged: Scene) -> None:
    staged.bench.bus.replies[ReserveCache] = InvalidInput("no such format")
    await staged.bench.run_intents()
    assert (await staged.one(CopyFailed)).error.code == "invalid"


async def test_space_that_was_reserved_for_a_cancelled_copy_is_given_back(staged: Scene) -> None:
    async def cancelled_meanwhile(asked: Message) -> Message:
        await staged.bench.handle(withdraw())
        return reply(CacheAnswer.FILL)(asked)

    staged.bench.bus.replies[ReserveCache] = cancelled_meanwhile
    await staged.bench.run_intents()
    assert (await staged.one(CopyCancelled)).last
    released = {said.grant.id for said in await staged.all(ReleaseGrants)}
    assert {"g-read", "g-write"} <= released
    assert await staged.all(ExecuteHop) == []


async def test_a_cancel_while_the_first_hop_commits_stops_before_the_second(staged: Scene) -> None:
    await answered(staged, CacheAnswer.FILL)
    first = await staged.offer()
    await staged.bench.handle(reported(first))
    assert await staged.bench.handle(withdraw()) == []
    await staged.bench.handle(made_visible(first))
    assert (await staged.one(CopyCancelled)).last
    assert len(await staged.all(ExecuteHop)) == 1


async def test_the_second_hop_can_be_cancelled_and_leaves_the_filled_entry(staged: Scene) -> None:
    await answered(staged, CacheAnswer.FILL)
    await staged.finish()
    await staged.bench.handle(withdraw())
    assert {said.grant.id for said in await staged.all(ReleaseGrants)} == {"g-read"}


async def test_a_waiting_second_hop_keeps_its_pin_alive(staged: Scene) -> None:
    await answered(staged, CacheAnswer.FILL)
    await staged.pass_time(20, mover())
    await staged.finish()
    staged.bench.bus.signals.clear()
    await staged.pass_time(45, mover())
    beats = [s for s in staged.bench.bus.signals if isinstance(s, CopyProgressed)]
    assert len(beats) >= 2
    assert {signal.copy_id for signal in beats} == {"copy1"}


async def test_figures_count_both_hops(staged: Scene) -> None:
    await answered(staged, CacheAnswer.FILL)
    await staged.bench.hear(moved(await staged.offer(), SIZE // 2))
    signal = staged.bench.bus.signals[-1]
    assert isinstance(signal, CopyProgressed)
    assert (signal.transfer.bytes_done, signal.transfer.bytes_total) == (SIZE // 2, 2 * SIZE)
    assert signal.transfer.phase.startswith("hop 1 of 2")
