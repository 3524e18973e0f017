"""Hops a store carries out itself: no agent, one order until its end, agents where it refuses."""

import pytest
from stowage_contracts.errors import ImageRefused, InvalidInput, Retry
from stowage_contracts.messages.data_motion import (
    CloneHop,
    CommitHop,
    CopyCompleted,
    CopyFailed,
    HopCommitFailed,
    HopCommitted,
)
from stowage_contracts.messages.hypervisor_agent import CancelHop, ExecuteHop
from stowage_contracts.messages.image_store import StoreDegraded
from stowage_contracts.values import HopMethod, StoreState

from tests.unit.data_motion.build import DIGEST, SIZE, cache, image, mover
from tests.unit.data_motion.scene import Scene

HERE, THERE = (image(name, server="s3:one") for name in ("here", "there"))


@pytest.fixture
async def cloning(scene: Scene) -> Scene:
    await scene.join(mover())
    await scene.ask(source=HERE, destination=THERE)
    return scene


async def order(scene: Scene) -> CloneHop:
    return (await scene.all(CloneHop))[-1]


async def ended(scene: Scene, digest: str = DIGEST) -> None:
    told = await order(scene)
    await scene.bench.handle(
        HopCommitted(hop_id=told.hop_id, copy_id=told.copy_id, epoch=told.epoch, digest=digest)
    )


async def refused(scene: Scene, error: InvalidInput | ImageRefused, retry: Retry) -> None:
    told = await order(scene)
    problem = error.problem.model_copy(update={"retry": retry})
    await scene.bench.handle(
        HopCommitFailed(hop_id=told.hop_id, copy_id=told.copy_id, epoch=told.epoch, error=problem)
    )


async def test_the_store_is_told_and_no_agent(cloning: Scene) -> None:
    told = await cloning.one(CloneHop)
    assert (told.source, told.destination, told.epoch) == (HERE, THERE, 1)
    assert (told.receipt.size, told.receipt.digest) == (SIZE, DIGEST)
    assert await cloning.all(ExecuteHop) == []
    view = await cloning.view()
    assert (view.state, view.strategy) == ("running", "store-native")
    assert (view.hops[0].method, view.hops[0].host_id) == (HopMethod.CLONE, None)
    assert view.hops[0].endpoint_reason == "there makes it of here itself"


async def test_it_is_done_when_the_store_says_so(cloning: Scene) -> None:
    await ended(cloning)
    done = await cloning.one(CopyCompleted)
    assert (done.state.digest, done.state.transfer.bytes_done) == (DIGEST, SIZE)
    assert await cloning.all(CommitHop) == []


async def test_it_is_told_again_until_it_has_ended(cloning: Scene) -> None:
    await cloning.pass_time(31, mover())
    again = await cloning.all(CloneHop)
    assert len(again) > 3
    assert len({(told.hop_id, told.epoch) for told in again}) == 1
    assert await cloning.all(CopyFailed) == []


async def test_agents_carry_what_a_store_refuses(cloning: Scene) -> None:
    await refused(cloning, InvalidInput("cannot copy"), Retry.ELSEWHERE)
    await cloning.pass_time(2, mover(), step=1)
    offer = await cloning.one(ExecuteHop)
    assert (offer.host_id, offer.epoch, offer.method) == ("mover1", 2, HopMethod.COPY)
    await cloning.finish()
    assert (await cloning.one(CopyCompleted)).state.hops[0].method is HopMethod.COPY
    assert len(await cloning.all(CloneHop)) == 1


async def test_other_bytes_than_the_sources_end_the_copy(cloning: Scene) -> None:
    await refused(cloning, ImageRefused("other bytes", code="digest"), Retry.FINAL)
    assert (await cloning.one(CopyFailed)).error.code == "image.digest"
    assert await cloning.all(CancelHop) == []


async def test_a_store_that_is_away_is_waited_for(scene: Scene) -> None:
    away = cache("there", state=StoreState.DEGRADED)
    await scene.bench.handle(StoreDegraded(state=away))
    await scene.join(mover())
    await scene.ask(source=HERE, destination=THERE)
    assert await scene.all(CloneHop) == []
    assert "there, which is Degraded" in (await scene.view()).waiting_for


async def test_clones_take_slots_of_their_stores(scene: Scene) -> None:
    await scene.join(mover())
    for number in range(3):
        there = THERE.model_copy(update={"key": f"k{number}"})
        await scene.ask(f"copy{number}", source=HERE, destination=there)
    assert len(await scene.all(CloneHop)) == 2
    assert "a slot on store" in (await scene.view("copy2")).waiting_for
