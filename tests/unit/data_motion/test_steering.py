"""Copies that are paused, slowed down, handed over; hosts that are drained."""

import pytest
from stowage_contracts.errors import NotFound, Unavailable
from stowage_contracts.messages.data_motion import (
    ChangeCopy,
    CopyCancelled,
    CopyChanged,
    CopyCompleted,
    CopyFailed,
    CopyPaused,
    CopyResumed,
    DrainHost,
    HostDraining,
    PauseCopy,
    RerouteCopy,
    ResumeCopy,
)
from stowage_contracts.messages.hypervisor_agent import ExecuteHop, SteerHop
from stowage_contracts.messages.image_store import StoreChanged, StoreRemoved
from stowage_contracts.values import Scope, StoreRole, StoreState
from stowage_contracts.views import HostDrain, StoreView

from tests.unit.data_motion.build import SIZE, image, kvm, moved, pool, reported, stopped, withdraw
from tests.unit.data_motion.scene import Scene

PAUSE, RESUME = PauseCopy(copy_id="copy1", reason="night"), ResumeCopy(copy_id="copy1")
HALF = (0, SIZE // 2)


def nfs(state: StoreState) -> StoreView:
    """The destination of copy1, in that state."""
    return StoreView(
        id="nfs",
        name="nfs",
        provider="NFS",
        role=StoreRole.IMAGE,
        scope=Scope.region(),
        state=state,
    )


async def running(scene: Scene) -> ExecuteHop:
    """copy1 moves on kvm1."""
    await scene.join(kvm("kvm1", slots=1))
    await scene.ask()
    offer = await scene.offer()
    await scene.bench.hear(moved(offer, SIZE // 2))
    return offer


async def paused(scene: Scene) -> ExecuteHop:
    offer = await running(scene)
    await scene.bench.handle(PAUSE)
    await scene.bench.handle(stopped(offer, HALF))
    return offer


async def test_a_paused_copy_gives_its_slot_away_and_goes_on_from_its_journal(scene: Scene) -> None:
    offer = await running(scene)
    await scene.ask("copy2", image("origin2"), image("store2"))
    await scene.bench.handle(PAUSE)
    asked = await scene.one(SteerHop)
    assert (asked.hop_id, asked.epoch, asked.yields) == (offer.hop_id, 1, True)
    assert ((await scene.view()).state, (await scene.view()).paused) == ("running", "night")
    await scene.bench.handle(stopped(offer, HALF))
    assert (await scene.one(CopyPaused)).state.state == "paused"
    assert (await scene.offer("copy2")).host_id == "kvm1"
    await scene.finish("copy2")
    await scene.bench.handle(RESUME)
    again = await scene.offer()
    assert (again.epoch, again.hint[0].length) == (2, SIZE // 2)
    assert (await scene.one(CopyResumed)).state.paused == ""


async def test_a_copy_that_waits_is_paused_at_once(scene: Scene) -> None:
    await running(scene)
    await scene.ask("copy2", image("origin2"), image("store2"))
    await scene.bench.handle(PauseCopy(copy_id="copy2"))
    await scene.finish("copy1")
    assert (await scene.view("copy2")).state == "paused"
    assert len(await scene.all(ExecuteHop)) == 1


async def test_deadlines_stand_still_while_it_is_paused_but_not_for_ever(scene: Scene) -> None:
    await paused(scene)
    await scene.pass_time(20 * 86400, kvm("kvm1"), step=10 * 86400)
    assert (await scene.view()).state == "paused"
    await scene.pass_time(11 * 86400, kvm("kvm1"), step=11 * 86400)
    assert (await scene.one(CopyFailed)).error.code == "conflict.paused"


async def test_a_paused_copy_can_be_cancelled(scene: Scene) -> None:
    await paused(scene)
    await scene.bench.handle(withdraw())
    assert (await scene.one(CopyCancelled)).last


async def test_a_removed_store_ends_a_paused_copy(scene: Scene) -> None:
    await paused(scene)
    await scene.bench.handle(StoreRemoved(state=nfs(StoreState.REMOVED)))
    assert (await scene.one(CopyFailed)).error.code == "unavailable.store_removed"


async def test_a_copy_into_a_store_that_drains_meanwhile_ends_well(scene: Scene) -> None:
    offer = await paused(scene)
    await scene.bench.handle(StoreChanged(state=nfs(StoreState.DRAINING)))
    await scene.bench.handle(RESUME)
    assert (await scene.offer()).epoch == offer.epoch + 1
    await scene.finish()
    assert (await scene.one(CopyCompleted)).state.state == "done"


async def test_a_copy_that_is_being_committed_is_not_paused(scene: Scene) -> None:
    offer = await running(scene)
    await scene.bench.handle(reported(offer))
    await scene.bench.handle(PAUSE)
    assert "too late" in (await scene.one(CopyChanged)).state.timeline[-1].text
    assert (await scene.view()).paused == ""


async def test_a_hop_that_ends_before_it_could_stop_is_committed(scene: Scene) -> None:
    await running(scene)
    await scene.bench.handle(PAUSE)
    await scene.finish()
    done = await scene.one(CopyCompleted)
    assert (done.state.state, done.state.paused) == ("done", "")


async def test_a_pause_that_is_taken_back_before_it_was_reached(scene: Scene) -> None:
    offer = await running(scene)
    await scene.bench.handle(PAUSE)
    await scene.bench.handle(RESUME)
    await scene.bench.handle(stopped(offer, HALF))
    assert await scene.all(CopyPaused) == []
    assert (await scene.offer()).epoch == 2


async def test_another_asker_lets_a_paused_transfer_go_on(scene: Scene) -> None:
    await paused(scene)
    await scene.ask("copy2")
    assert (await scene.view("copy2")).state == "running"
    assert "copy2" in str((await scene.view("copy2")).timeline)


async def test_an_agent_that_does_not_stop_loses_the_hop_within_its_lease(scene: Scene) -> None:
    offer = await running(scene)
    await scene.bench.handle(PAUSE)
    for _ in range(5):
        await scene.pass_time(5, kvm("kvm1"))
        await scene.bench.hear(moved(offer, SIZE // 2 + 1))
    assert (await scene.view()).state == "paused"
    assert len(await scene.all(SteerHop)) > 1
    await scene.bench.handle(RESUME)
    assert (await scene.offer()).epoch == 2


async def test_speed_is_told_to_who_moves_it_and_to_who_follows(scene: Scene) -> None:
    offer = await running(scene)
    await scene.bench.handle(ChangeCopy(copy_id="copy1", bytes_per_second=1 << 20))
    assert (await scene.one(SteerHop)).bytes_per_second == 1 << 20
    assert (await scene.view()).bytes_per_second == 1 << 20
    await scene.bench.handle(reported(offer, error=Unavailable("gone").problem))
    await scene.pass_time(3, kvm("kvm1"))
    assert (await scene.offer()).bytes_per_second == 1 << 20
    await scene.bench.handle(ChangeCopy(copy_id="copy1", bytes_per_second=0))
    assert (await scene.all(SteerHop))[-1].bytes_per_second is None


async def test_a_rerouted_hop_goes_to_the_named_host_from_its_journal(scene: Scene) -> None:
    offer = await running(scene)
    await scene.join(kvm("kvm2"), kvm("kvm3"))
    await scene.bench.handle(RerouteCopy(copy_id="copy1", host_id="kvm3"))
    await scene.bench.handle(stopped(offer, HALF))
    again = await scene.offer()
    assert (again.host_id, again.epoch, len(again.hint)) == ("kvm3", 2, 1)


async def test_a_rerouted_hop_goes_anywhere_but_where_it_was(scene: Scene) -> None:
    offer = await running(scene)
    await scene.join(kvm("kvm2"))
    await scene.bench.handle(RerouteCopy(copy_id="copy1"))
    await scene.bench.handle(stopped(offer, HALF))
    assert (await scene.offer()).host_id == "kvm2"


@pytest.mark.parametrize(
    ("host", "why"),
    [
        (None, "no other agent can carry it"),
        ("kvm1", "it is on host kvm1 already"),
        ("nobody", "no agent of host nobody has joined"),
        ("blind", "reads only"),
    ],
)
async def test_a_way_that_leads_nowhere_is_refused_and_told(
    scene: Scene, host: str | None, why: str
) -> None:
    await running(scene)
    await scene.join(kvm("blind", reads=("rbd",)))
    await scene.bench.handle(RerouteCopy(copy_id="copy1", host_id=host))
    said = (await scene.one(CopyChanged)).state
    assert (said.state, said.timeline[-1].what) == ("running", "not rerouted")
    assert why in said.timeline[-1].text
    assert await scene.all(SteerHop) == []


async def test_a_drained_host_hands_its_hops_over_and_gets_nothing_new(scene: Scene) -> None:
    offer = await running(scene)
    await scene.join(kvm("kvm2"))
    await scene.bench.handle(DrainHost(host_id="kvm1", reason="new kernel"))
    told = await scene.one(HostDraining)
    assert told.drain == HostDrain(reason="new kernel", hops_left=1)
    await scene.bench.handle(stopped(offer, HALF))
    assert (await scene.offer()).host_id == "kvm2"
    await scene.pass_time(1, kvm("kvm1"), kvm("kvm2"))
    assert (await scene.all(HostDraining))[-1].drain == HostDrain(reason="new kernel", hops_left=0)
    await scene.ask("copy2", image("origin2"), image("store2"))
    assert (await scene.offer("copy2")).host_id == "kvm2"


async def test_what_only_a_drained_host_can_do_waits_for_the_end_of_the_drain(scene: Scene) -> None:
    await scene.join(kvm("kvm1"), kvm("kvm2"))
    await scene.ask(destination=pool(kvm("kvm1")))
    offer = await scene.offer()
    await scene.bench.handle(DrainHost(host_id="kvm1", reason="new kernel"))
    await scene.bench.handle(stopped(offer, HALF))
    view = await scene.view()
    assert view.state == "waiting"
    assert "the end of the drain of host kvm1 (new kernel)" in view.waiting_for
    await scene.pass_time(4 * 86400, kvm("kvm1"), step=40000)
    assert (await scene.view()).state == "waiting"
    await scene.bench.handle(DrainHost(host_id="kvm1", drains=False))
    await scene.pass_time(3, kvm("kvm1"))
    again = await scene.offer()
    assert (again.host_id, again.epoch) == ("kvm1", 2)
    assert (await scene.all(HostDraining))[-1].drain is None


async def test_a_drain_that_comes_after_its_end_does_not_hold(scene: Scene) -> None:
    await running(scene)
    await scene.bench.handle(DrainHost(host_id="kvm1", drains=False), sequence=8)
    await scene.bench.handle(DrainHost(host_id="kvm1"), sequence=7)
    assert [told.drain for told in await scene.all(HostDraining)] == [None]


async def test_a_drain_outlives_a_restart_of_the_agent(scene: Scene) -> None:
    await running(scene)
    await scene.bench.handle(DrainHost(host_id="kvm1"))
    await scene.join(kvm("kvm1"), boot_id="boot2")
    assert len(await scene.all(ExecuteHop)) == 1
    assert "drained by request" in (await scene.view()).waiting_for


async def test_an_order_that_overtook_the_request_is_delivered_again(scene: Scene) -> None:
    """As a failure that counts: in a second, where an outage would take half a minute."""
    with pytest.raises(NotFound):
        await scene.bench.handle(PAUSE)


async def test_the_timeline_tells_the_whole_story(scene: Scene) -> None:
    offer = await running(scene)
    await scene.join(kvm("kvm2"))
    await scene.bench.handle(RerouteCopy(copy_id="copy1"))
    await scene.bench.handle(stopped(offer, HALF))
    await scene.bench.hear(moved(await scene.offer(), SIZE))
    await scene.finish()
    timeline = (await scene.one(CopyCompleted)).state.timeline
    assert [moment.what for moment in timeline] == [
        "requested",
        "planned",
        "offered",
        "moving",
        "rerouted",
        "yielded",
        "offered",
        "moving",
        "verified",
        "committed",
        "done",
    ]
    assert "host kvm1 at 50 % journaled; rerouted to another host" in timeline[5].text
    assert "goes on from 50 % journaled" in timeline[6].text
