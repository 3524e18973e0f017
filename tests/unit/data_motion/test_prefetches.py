"""An object is brought onto a cache before anybody asks, and held there."""

from collections.abc import Mapping

import pytest
from stowage_contracts.messages.cache_autoscaler import (
    CacheAdded,
    CacheAnswer,
    CacheFleetChanged,
    CacheFleetRemoved,
    CacheRemoved,
    CacheReserved,
    ReserveCache,
)
from stowage_contracts.messages.data_motion import (
    CopyCancelled,
    CopyCompleted,
    CopyFailed,
    SetMotionPolicy,
)
from stowage_contracts.messages.hypervisor_agent import ExecuteHop
from stowage_contracts.messages.image_store import ReleaseGrants
from stowage_contracts.values import CacheUse, CopyEnd, HypervisorKind
from stowage_contracts.views import MotionPolicyView
from stowage_runtime.bus import Rejected

from tests.unit.data_motion.build import (
    SIZE,
    cache,
    cached,
    fleet,
    image,
    kvm,
    mover,
    pool,
    prefetch,
    withdraw,
    xen,
)
from tests.unit.data_motion.scene import Scene

WRITE, READ = cached("g-write"), cached("g-read")
ENDS: Mapping[CacheAnswer, dict[str, CopyEnd]] = {
    CacheAnswer.FILL: {"destination": WRITE, "source": READ},
    CacheAnswer.READY: {"source": READ},
}


async def answered(scene: Scene, answer: CacheAnswer) -> ReserveCache:
    """What the caches were asked."""
    scene.bench.bus.replies[ReserveCache] = lambda asked: CacheReserved(
        copy_id="copy1", answer=answer, reason="as told", entry_id="e1", **ENDS.get(answer, {})
    )
    await scene.bench.run_intents()
    asked, _ = scene.bench.bus.asked[-1]
    assert isinstance(asked, ReserveCache)
    return asked


@pytest.fixture
async def wanted(scene: Scene) -> Scene:
    await scene.join(mover())
    await scene.bench.handle(CacheAdded(state=cache()))
    await scene.bench.handle(prefetch())
    return scene


async def test_one_hop_fills_the_cache_and_the_entry_is_held(wanted: Scene) -> None:
    asked = await answered(wanted, CacheAnswer.FILL)
    assert (asked.hold_seconds, asked.schemes) == (600, ())
    assert asked.location == prefetch().location
    offer = await wanted.offer()
    assert (offer.source, offer.destination) == (image(), WRITE)
    await wanted.finish()
    done = await wanted.one(CopyCompleted)
    assert (len(done.state.hops), done.state.destination) == (1, "a cache store of zone z1")
    assert done.state.transfer.bytes_total == SIZE


async def test_what_is_there_is_held_on_and_nothing_moves(wanted: Scene) -> None:
    await answered(wanted, CacheAnswer.READY)
    done = await wanted.one(CopyCompleted)
    assert (done.state.hops, done.receipt) == ((), None)
    assert await wanted.all(ExecuteHop) == []


async def test_who_asks_for_the_same_shares_the_fill(wanted: Scene) -> None:
    await wanted.bench.handle(prefetch("copy2"))
    await answered(wanted, CacheAnswer.FILL)
    await wanted.finish()
    assert {done.state.id for done in await wanted.all(CopyCompleted)} == {"copy1", "copy2"}


async def test_a_longer_hold_is_another_question(wanted: Scene) -> None:
    await wanted.bench.handle(prefetch("copy2", hold_seconds=9000.0))
    await answered(wanted, CacheAnswer.READY)
    held = {asked.hold_seconds for asked, _ in wanted.bench.bus.asked}  # type: ignore[attr-defined]
    assert held == {600, 9000}


async def test_it_can_be_cancelled_at_any_time(wanted: Scene) -> None:
    await answered(wanted, CacheAnswer.FILL)
    await wanted.bench.handle(withdraw())
    assert (await wanted.one(CopyCancelled)).last
    released = {said.grant.id for said in await wanted.all(ReleaseGrants)}
    assert released == {"g-s3", "g-write"}


async def test_it_can_be_cancelled_while_it_waits(wanted: Scene) -> None:
    await answered(wanted, CacheAnswer.WAIT)
    await wanted.bench.handle(withdraw())
    assert (await wanted.one(CopyCancelled)).last
    assert {said.grant.id for said in await wanted.all(ReleaseGrants)} == {"g-s3"}


async def test_it_goes_to_another_cache_when_its_own_is_lost(wanted: Scene) -> None:
    await answered(wanted, CacheAnswer.FILL)
    await wanted.bench.handle(CacheRemoved(state=cache()))
    elsewhere = {"destination": cached("g-new", "cache2"), "source": READ}
    wanted.bench.bus.replies[ReserveCache] = lambda asked: CacheReserved(
        copy_id="copy1", answer=CacheAnswer.FILL, reason="as told", **elsewhere
    )
    await wanted.bench.run_intents()
    asked, _ = wanted.bench.bus.asked[-1]
    assert isinstance(asked, ReserveCache)
    assert asked.avoid == ("cache1",)
    await wanted.finish()
    done = await wanted.one(CopyCompleted)
    assert [hop.state for hop in done.state.hops] == ["cancelled", "committed"]


async def test_a_scope_without_any_cache_is_refused(scene: Scene) -> None:
    await scene.join(mover())
    await scene.bench.handle(prefetch())
    failed = await scene.one(CopyFailed)
    assert "a cache store or a fleet for zone z1" in failed.error.hint


# Fleets: caches that come when they are wanted


async def test_a_copy_waits_for_a_transport_vm_and_says_so(scene: Scene) -> None:
    await scene.join(xen(reads=("file", "nfs")), mover(writes=("https", "nfs", "file")))
    await scene.bench.handle(CacheFleetChanged(state=fleet()))
    await scene.ask(destination=pool(xen()))
    chosen = next(a for a in (await scene.view()).answers if a.chosen)
    assert (chosen.strategy, "a transport VM of fleet fleet1" in chosen.reason) == (
        "via-cache",
        True,
    )
    scene.bench.bus.replies[ReserveCache] = lambda asked: CacheReserved(
        copy_id="copy1", answer=CacheAnswer.WAIT, reason="a transport VM is being started"
    )
    for _ in range(60):
        await scene.bench.run_intents()
        await scene.pass_time(10, xen(), mover(), step=10)
    assert (await scene.view()).waiting_for == (
        "space on a cache store: a transport VM is being started"
    )
    await answered(scene, CacheAnswer.FILL)
    assert (await scene.offer()).destination == WRITE


async def test_a_fleet_that_was_removed_brings_nothing(scene: Scene) -> None:
    await scene.join(xen(reads=("file", "nfs")), mover(writes=("https", "nfs", "file")))
    await scene.bench.handle(CacheFleetChanged(state=fleet()))
    await scene.bench.handle(CacheFleetRemoved(state=fleet()))
    await scene.ask(destination=pool(xen()))
    assert len(await scene.all(CopyFailed)) == 1


# What operators want of caches


async def use_caches(scene: Scene, use: CacheUse, **of: CacheUse) -> None:
    kinds = {HypervisorKind(name): one for name, one in of.items()}
    policy = MotionPolicyView(id="z1", caches=use, caches_of=kinds)
    await scene.bench.handle(SetMotionPolicy(policy=policy))


async def test_caches_are_always_used_for_the_hosts_a_policy_names(scene: Scene) -> None:
    await scene.join(kvm())
    await scene.bench.handle(CacheAdded(state=cache()))
    await use_caches(scene, CacheUse.NEVER, KVM=CacheUse.ALWAYS)
    await scene.ask(destination=pool(kvm()))
    assert (await scene.view()).strategy == "via-cache"
    await answered(scene, CacheAnswer.FILL)
    await scene.finish()
    await scene.finish()
    assert len((await scene.one(CopyCompleted)).state.hops) == 2


async def test_always_is_no_reason_to_fail_where_no_cache_takes_it(scene: Scene) -> None:
    await scene.join(kvm())
    await scene.bench.handle(CacheAdded(state=cache()))
    await use_caches(scene, CacheUse.ALWAYS)
    await scene.ask(destination=pool(kvm()))
    await answered(scene, CacheAnswer.NONE)
    offer = await scene.offer()
    assert (offer.source, offer.host_id) == (image(), "kvm1")
    view = await scene.view()
    assert (view.strategy, view.waiting_for) == ("direct", "")


async def test_who_waited_long_enough_for_a_cache_goes_past_it(scene: Scene) -> None:
    await scene.join(kvm())
    await scene.bench.handle(CacheAdded(state=cache()))
    await use_caches(scene, CacheUse.ALWAYS)
    await scene.ask(destination=pool(kvm()))
    await answered(scene, CacheAnswer.WAIT)
    await scene.pass_time(4000, kvm(), step=1000)
    assert (await scene.offer()).source == image()


async def test_a_policy_without_caches_refuses_by_its_name(scene: Scene) -> None:
    await scene.join(xen(), mover())
    await scene.bench.handle(CacheAdded(state=cache()))
    await use_caches(scene, CacheUse.ALWAYS, XenServer=CacheUse.NEVER)
    await scene.ask(destination=pool(xen()))
    assert "the policy of zone z1 never uses caches" in (await scene.one(CopyFailed)).error.cause


async def test_a_prefetch_is_for_whoever_may_use_caches(scene: Scene) -> None:
    await scene.join(mover())
    await scene.bench.handle(CacheAdded(state=cache()))
    await use_caches(scene, CacheUse.NEVER, XenServer=CacheUse.WHEN_REQUIRED)
    await scene.bench.handle(prefetch())
    assert await scene.all(CopyFailed) == []
    await use_caches(scene, CacheUse.NEVER)
    await scene.bench.handle(prefetch("copy2", hold_seconds=1.0))
    assert len(await scene.all(CopyFailed)) == 1


async def test_via_cache_pinned_and_caches_never_used_is_refused(scene: Scene) -> None:
    policy = MotionPolicyView(id="z1", pin="via-cache", caches=CacheUse.NEVER)
    with pytest.raises(Rejected):
        await scene.bench.handle(SetMotionPolicy(policy=policy))
