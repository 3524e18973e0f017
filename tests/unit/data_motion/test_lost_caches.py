"""A cache that is lost under a copy: the copy goes on by another one, and nothing fails."""

from datetime import timedelta

import pytest
from data_motion import model
from data_motion.model import staging
from data_motion.model.plan import Decision
from stowage_contracts.errors import GrantRefused, ImageRefused, SourceRefused, Unavailable
from stowage_contracts.messages.cache_autoscaler import (
    CacheAdded,
    CacheAnswer,
    CacheChanged,
    CacheDraining,
    CacheRemoved,
    CacheReserved,
    ReserveCache,
)
from stowage_contracts.messages.data_motion import (
    CopyCompleted,
    CopyFailed,
    HopCommitFailed,
    PauseCopy,
    ResumeCopy,
)
from stowage_contracts.messages.hypervisor_agent import ExecuteHop, SteerHop
from stowage_contracts.messages.image_store import ReleaseGrants
from stowage_contracts.plugins.data_motion_strategy import HopLeg, MotionPlan
from stowage_contracts.values import StoreState

from tests.unit.data_motion.build import (
    NOW,
    RULES,
    SIZE,
    asked,
    cache,
    cached,
    image,
    made_visible,
    moved,
    mover,
    pool,
    reported,
    xen,
)
from tests.unit.data_motion.scene import Scene

FILL, READY, WAIT, NONE = CacheAnswer.FILL, CacheAnswer.READY, CacheAnswer.WAIT, CacheAnswer.NONE
AWAY = Unavailable("no route to the cache")


async def answered(scene: Scene, answer: CacheAnswer, store: str = "cache1") -> None:
    """The caches answer all who asked."""
    ends = {"source": cached(f"g-read-{store}", store)} if answer in (FILL, READY) else {}
    if answer is FILL:
        ends["destination"] = cached(f"g-write-{store}", store)
    scene.bench.bus.replies[ReserveCache] = lambda asked: CacheReserved(
        copy_id="copy1", answer=answer, reason="as told", entry_id="e1", **ends
    )
    await scene.bench.run_intents()


def degraded(store: str = "cache1") -> CacheChanged:
    return CacheChanged(state=cache(store, state=StoreState.DEGRADED))


async def released(scene: Scene) -> set[str]:
    return {said.grant.id for said in await scene.all(ReleaseGrants)}


async def question(scene: Scene) -> ReserveCache:
    asked, _ = scene.bench.bus.asked[-1]
    assert isinstance(asked, ReserveCache)
    return asked


@pytest.fixture
async def filling(scene: Scene) -> Scene:
    """The first hop is offered to a mover."""
    await scene.join(xen(), mover())
    await scene.bench.handle(CacheAdded(state=cache()))
    await scene.ask(destination=pool(xen()))
    await answered(scene, FILL)
    return scene


@pytest.fixture
async def reading(filling: Scene) -> Scene:
    """The second hop has moved half."""
    await filling.finish()
    await filling.bench.hear(moved(await filling.offer(), SIZE // 2))
    return filling


async def test_a_fill_goes_to_another_cache_when_its_own_is_removed(filling: Scene) -> None:
    await filling.bench.hear(moved(await filling.offer(), SIZE // 2))
    await filling.bench.handle(CacheRemoved(state=cache()))
    view = await filling.view()
    assert (view.state, view.waiting_for) == ("waiting", "space on a cache store")
    assert "g-write-cache1" in await released(filling)
    await answered(filling, FILL, "cache2")
    assert (await question(filling)).avoid == ("cache1",)
    first = await filling.offer()
    assert first.destination == cached("g-write-cache2", "cache2")
    assert first.epoch == 2, "the source's owner refuses epochs it has seen"
    await filling.finish()
    assert (await filling.offer()).source == cached("g-read-cache2", "cache2")
    await filling.finish()
    done = await filling.one(CopyCompleted)
    assert [(hop.order, hop.state) for hop in done.state.hops] == [
        (0, "cancelled"),
        (1, "committed"),
        (2, "committed"),
    ]
    assert done.state.transfer.bytes_done == done.state.transfer.bytes_total == 2 * SIZE


async def test_a_reader_goes_on_from_its_journal_when_its_cache_is_removed(reading: Scene) -> None:
    before = await reading.offer()
    await reading.bench.handle(CacheRemoved(state=cache()))
    steered = (await reading.all(SteerHop))[-1]
    assert (steered.hop_id, steered.yields) == (before.hop_id, True)
    await answered(reading, FILL, "cache2")
    refill = await reading.offer()
    assert (refill.source, refill.destination.store_id) == (image(), "cache2")
    await reading.finish()
    after = await reading.offer()
    assert (after.hop_id, after.epoch, after.generation) == (before.hop_id, before.epoch + 1, 1)
    assert after.source.store_id == "cache2"
    await reading.finish()
    done = await reading.one(CopyCompleted)
    assert [hop.state for hop in done.state.hops] == ["committed"] * 3
    assert done.state.transfer.bytes_total == 2 * SIZE
    assert await reading.all(CopyFailed) == []


async def test_what_another_cache_holds_already_is_read_there(reading: Scene) -> None:
    await reading.bench.handle(CacheRemoved(state=cache()))
    await answered(reading, READY, "cache2")
    assert (await reading.offer()).source.store_id == "cache2"
    await reading.finish()
    assert (await reading.one(CopyCompleted)).state.transfer.bytes_total == SIZE


async def test_a_reader_whose_bytes_all_arrived_needs_no_cache_any_more(reading: Scene) -> None:
    offer = await reading.offer()
    await reading.bench.handle(reported(offer))
    await reading.bench.handle(CacheRemoved(state=cache()))
    assert (await reading.view()).state == "running"
    await reading.bench.handle(made_visible(offer))
    assert len(await reading.all(CopyCompleted)) == 1


async def test_what_moves_on_a_degraded_cache_goes_on_until_its_agent_gives_up(
    reading: Scene,
) -> None:
    offer = await reading.offer()
    await reading.bench.handle(degraded())
    assert (await reading.view()).state == "running"
    await reading.bench.handle(reported(offer, error=AWAY.problem))
    await reading.pass_time(3, xen(), mover())
    assert (await reading.view()).waiting_for == "space on a cache store"
    await answered(reading, FILL, "cache2")
    assert (await reading.offer()).destination.store_id == "cache2"


async def test_who_gets_no_byte_from_a_degraded_cache_leaves_it_before_its_agent_notices(
    reading: Scene,
) -> None:
    offer = await reading.offer()
    await reading.bench.handle(degraded())
    for _ in range(3):
        await reading.bench.hear(moved(offer, SIZE // 2))  # it lives, and gets nothing
        await reading.pass_time(5, xen(), mover(), step=5)
    assert (await reading.view()).waiting_for == "space on a cache store"
    assert "no byte comes" in (await reading.view()).timeline[-2].text


async def test_who_gets_bytes_from_a_degraded_cache_stays(reading: Scene) -> None:
    offer = await reading.offer()
    await reading.bench.handle(degraded())
    for number in range(1, 6):
        await reading.bench.hear(moved(offer, SIZE // 2 + number))
        await reading.pass_time(5, xen(), mover(), step=5)
    assert (await reading.view()).state == "running"


def test_who_waits_long_asks_less_often() -> None:
    legs = (HopLeg(destination_is_cache=True), HopLeg(source_is_cache=True))
    job = model.begin(asked(destination=pool(xen())), NOW)
    step = model.plan(job, Decision((), "any", MotionPlan(hops=legs)), NOW, RULES)
    full = CacheReserved(copy_id="copy1", answer=WAIT, reason="a fill is under way")
    waits, now = list[float](), NOW
    while now < NOW + timedelta(minutes=10):
        assert step.reserve is not None
        waits.append(step.reserve.after)
        now += timedelta(seconds=step.reserve.after)
        step = staging.reserved(step.job, full, now, RULES)
    assert waits[:10] == [0, *[2] * 9]
    assert waits == sorted(waits)
    assert waits[-1] == 15
    assert len(waits) < 90


async def test_a_fill_that_nobody_took_up_leaves_a_degraded_cache(scene: Scene) -> None:
    await scene.join(xen(), mover(slots=1))
    await scene.bench.handle(CacheAdded(state=cache()))
    await scene.ask("other", destination=image("nfs"))
    await scene.ask(destination=pool(xen()))
    await answered(scene, FILL)
    await scene.bench.handle(degraded())
    assert (await scene.view()).waiting_for == "space on a cache store"
    assert "g-write-cache1" in await released(scene)


async def test_what_has_not_begun_leaves_a_cache_that_drains(scene: Scene) -> None:
    await scene.join(xen(), mover())
    await scene.bench.handle(CacheAdded(state=cache()))
    await scene.ask(destination=pool(xen()))
    await scene.bench.handle(CacheDraining(state=cache(state=StoreState.DRAINING)))
    await answered(scene, FILL)
    assert await scene.all(ExecuteHop) == []
    await answered(scene, FILL, "cache2")
    assert (await scene.offer()).destination.store_id == "cache2"


async def test_what_has_begun_is_finished_on_a_cache_that_drains(filling: Scene) -> None:
    await filling.bench.handle(CacheDraining(state=cache(state=StoreState.DRAINING)))
    await filling.finish()
    await filling.finish()
    assert len(await filling.all(CopyCompleted)) == 1


async def test_a_cache_whose_transport_vm_died_fails_no_copy(reading: Scene) -> None:
    """Its agent sees it first; that the store is gone is told much later, or never."""
    for _ in range(6):
        await reading.bench.handle(reported(await reading.offer(), error=AWAY.problem))
        await reading.pass_time(20, xen(), mover())
    assert "no route to the cache" in (await reading.view()).timeline[-2].text
    await answered(reading, FILL, "cache2")
    await reading.finish()
    await reading.finish()
    assert len(await reading.all(CopyCompleted)) == 1


async def test_an_entry_that_was_dropped_is_not_asked_for_again_and_again(reading: Scene) -> None:
    refused = GrantRefused("the entry is evicting", code="entry")
    await reading.bench.handle(reported(await reading.offer(), error=refused.problem))
    await reading.pass_time(3, xen(), mover())
    await answered(reading, READY, "cache2")
    assert (await reading.offer()).source.store_id == "cache2"


async def test_a_damaged_entry_is_told_and_filled_anew(reading: Scene) -> None:
    damage = ImageRefused("other bytes", code="digest")
    await reading.bench.handle(reported(await reading.offer(), error=damage.problem))
    (told,) = [said for said in await reading.all(ReleaseGrants) if said.damaged]
    assert (told.grant.id, told.damaged) == ("g-read-cache1", damage.problem)
    await reading.pass_time(3, xen(), mover())
    await answered(reading, FILL, "cache2")
    await reading.finish()
    await reading.finish()
    assert len(await reading.all(CopyCompleted)) == 1


async def test_a_fill_whose_space_was_given_up_is_made_elsewhere(filling: Scene) -> None:
    offer = await filling.offer()
    await filling.bench.handle(reported(offer))
    gone = HopCommitFailed(
        hop_id=offer.hop_id,
        copy_id="copy1",
        epoch=offer.epoch,
        error=Unavailable("the cache is away").problem,
    )
    for _ in range(6):
        await filling.bench.handle(gone)
        await filling.pass_time(40, xen(), mover())
        offer = await filling.offer()
        await filling.bench.handle(reported(offer))
        gone = gone.model_copy(update={"epoch": offer.epoch})
    await answered(filling, FILL, "cache2")
    assert (await filling.offer()).destination.store_id == "cache2"


async def test_a_source_that_refuses_is_no_fault_of_its_cache(filling: Scene) -> None:
    error = SourceRefused("404").problem
    await filling.bench.handle(reported(await filling.offer(), error=error))
    assert (await filling.one(CopyFailed)).error == error


async def test_a_copy_that_every_cache_fails_ends_with_the_last_reason(reading: Scene) -> None:
    damage = ImageRefused("other bytes", code="digest")
    for number in range(3):
        await reading.bench.handle(reported(await reading.offer(), error=damage.problem))
        await reading.pass_time(3, xen(), mover())
        await answered(reading, READY, f"cache{number + 2}")
    assert (await reading.one(CopyFailed)).error.code == "image.digest"


async def test_no_cache_left_is_waited_for_once_it_was_staged(reading: Scene) -> None:
    await reading.bench.handle(CacheRemoved(state=cache()))
    await answered(reading, NONE)
    assert (await reading.view()).waiting_for == "space on a cache store: as told"
    await reading.pass_time(4000, xen(), mover(), step=1000)
    assert (await reading.one(CopyFailed)).error.code == "unavailable.cache"
    assert "g-s3" in await released(reading)


async def test_no_cache_left_is_no_trouble_where_the_host_can_reach_the_source_by_now(
    reading: Scene,
) -> None:
    await reading.bench.handle(CacheRemoved(state=cache()))
    await reading.join(xen(reads=("file", "https")), boot_id="boot2")
    await answered(reading, NONE)
    offer = await reading.offer()
    assert (offer.host_id, offer.source) == ("xen1", image())
    assert (await reading.view()).strategy == "direct"
    await reading.finish()
    assert len(await reading.all(CopyCompleted)) == 1


async def test_a_paused_copy_asks_for_another_cache_when_it_goes_on(reading: Scene) -> None:
    await reading.bench.handle(PauseCopy(copy_id="copy1"))
    await reading.bench.handle(CacheRemoved(state=cache()))
    assert (await reading.view()).state == "paused"
    reading.bench.bus.asked.clear()
    await answered(reading, FILL, "cache2")
    assert reading.bench.bus.asked == []
    await reading.bench.handle(ResumeCopy(copy_id="copy1"))
    await answered(reading, FILL, "cache2")
    assert (await reading.offer()).destination.store_id == "cache2"


async def test_a_hundred_caches_may_come_and_go(reading: Scene) -> None:
    """Who takes caches away from copies does not fail them."""
    for number in range(2, 12):
        await reading.bench.handle(CacheRemoved(state=cache(f"cache{number - 1}")))
        await answered(reading, FILL, f"cache{number}")
        await reading.finish()
        await reading.bench.hear(moved(await reading.offer(), SIZE // 2))
    assert len((await question(reading)).avoid) == 8
    await reading.finish()
    assert len(await reading.all(CopyCompleted)) == 1
