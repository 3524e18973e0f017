import pytest
from stowage_contracts.errors import ImageRefused, Problem
from stowage_contracts.message import Message
from stowage_contracts.messages.data_motion import (
    CommitHop,
    CopyCancelled,
    CopyCompleted,
    CopyFailed,
    CopyPlanned,
    CopyProgressed,
    CopyStarted,
)
from stowage_contracts.messages.hypervisor_agent import CancelHop, ExecuteHop, HopTicket
from stowage_contracts.messages.image_store import ReleaseGrants, StoreDegraded, StoreRemoved
from stowage_contracts.values import CopyEnd, Scope, ServiceName, StoreRole, StoreState, Verdict
from stowage_contracts.views import StoreView
from stowage_runtime.signing import Verifier

from tests.unit.data_motion.build import (
    DIGEST,
    OTHER_DIGEST,
    SIZE,
    asked,
    image,
    joined,
    kvm,
    made_visible,
    moved,
    mover,
    pool,
    receipt,
    reported,
    url,
    withdraw,
    xen,
)
from tests.unit.data_motion.scene import Scene


def kinds(said: list[Message]) -> list[str]:
    return [type(message).__name__ for message in said]


async def test_a_copy_is_planned_offered_committed_and_completed(scene: Scene) -> None:
    await scene.join(kvm())
    assert kinds(await scene.ask()) == ["CopyPlanned", "ExecuteHop", "CopyStarted"]
    offer = await scene.offer()
    assert kinds(await scene.bench.handle(reported(offer))) == ["CommitHop"]
    assert kinds(await scene.bench.handle(made_visible(offer))) == ["CopyCompleted"]
    done = await scene.one(CopyCompleted)
    assert done.receipt == receipt()
    assert (done.state.state, done.state.digest, done.state.leader_id) == ("done", DIGEST, "copy1")


async def test_the_offer_carries_a_ticket_for_this_hop_epoch_and_host(
    scene: Scene, verifier: Verifier
) -> None:
    await scene.join(kvm())
    await scene.ask(destination=pool(kvm()))
    offer = await scene.offer()
    async with scene.bench.tx() as tx:
        claims = verifier.verify(offer.ticket, HopTicket, tx.now)
    assert (claims.hop_id, claims.epoch, claims.host_id) == (offer.hop_id, 1, "kvm1")
    assert (claims.source_grant, claims.destination_grant) == (image().grant, pool(kvm()).grant)
    assert claims.writer == f"{offer.hop_id}.1"


@pytest.mark.parametrize(
    ("destination", "address"), [(image("nfs"), "image-store"), (pool(kvm()), "agent.kvm1")]
)
async def test_the_commit_goes_to_whoever_holds_the_driver(
    scene: Scene, destination: CopyEnd, address: str
) -> None:
    await scene.join(kvm())
    await scene.ask(destination=destination)
    await scene.bench.handle(reported(await scene.offer()))
    sent = [said for said in await scene.bench.sent() if isinstance(said.message, CommitHop)]
    assert [said.to for said in sent] == [address]


async def test_every_answer_and_the_endpoints_reason_can_be_explained(scene: Scene) -> None:
    await scene.join(kvm(), mover())
    await scene.ask(destination=pool(kvm()))
    view = await scene.view()
    assert [(a.strategy, a.chosen) for a in view.answers] == [
        ("direct", True),
        ("hypervisor-native", False),
        ("store-native", False),
        ("via-cache", False),
    ]
    assert all(answer.reason for answer in view.answers)
    assert "KVM host kvm1 in zone z1 sees one end" in view.hops[0].endpoint_reason


async def test_no_strategy_is_refused_at_once_and_the_grants_go_back(scene: Scene) -> None:
    await scene.join(xen(), mover())
    assert kinds(await scene.ask(destination=pool(xen()))) == ["ReleaseGrants", "CopyFailed"]
    failed = await scene.one(CopyFailed)
    assert failed.error.code == "no_strategy"
    assert "xen1 in zone z1 reads only file" in failed.error.hint
    assert len(failed.state.answers) == 4


async def test_an_object_that_is_already_there_is_done_at_once(scene: Scene) -> None:
    assert kinds(await scene.ask(present=True)) == ["CopyCompleted"]
    done = await scene.one(CopyCompleted)
    assert done.receipt is None
    assert "already there" in done.state.answers[0].reason


async def test_two_askers_share_one_transfer_and_both_succeed(scene: Scene) -> None:
    await scene.join(kvm())
    await scene.ask("copy1")
    await scene.ask("copy2", account_id="acc2")
    await scene.finish()
    done = await scene.all(CopyCompleted)
    assert len(await scene.all(ExecuteHop)) == 1
    assert {(d.state.id, d.state.leader_id, d.state.account_id) for d in done} == {
        ("copy1", "copy1", "acc1"),
        ("copy2", "copy1", "acc2"),
    }


async def test_the_same_request_twice_changes_nothing(scene: Scene) -> None:
    await scene.join(kvm())
    await scene.ask("copy1")
    await scene.ask("copy2")
    assert await scene.ask("copy1") == []
    assert await scene.ask("copy2") == []


async def test_a_new_request_after_the_end_is_a_new_transfer(scene: Scene) -> None:
    await scene.join(kvm())
    await scene.ask("copy1")
    await scene.finish("copy1")
    await scene.ask("copy2")
    assert (await scene.offer("copy2")).epoch == 1


async def test_one_of_two_askers_detaches_and_the_transfer_goes_on(scene: Scene) -> None:
    await scene.join(kvm())
    await scene.ask("copy1")
    await scene.ask("copy2")
    assert kinds(await scene.bench.handle(withdraw("copy1"))) == ["CopyCancelled"]
    assert not (await scene.one(CopyCancelled)).last
    assert (await scene.view("copy1")).state == "cancelled"
    await scene.finish()
    assert [done.state.id for done in await scene.all(CopyCompleted)] == ["copy2"]


async def test_the_last_cancel_stops_the_agent_and_gives_the_grants_back(scene: Scene) -> None:
    await scene.join(kvm())
    await scene.ask(destination=image("nfs"))
    offer = await scene.offer()
    said = await scene.bench.handle(withdraw())
    assert kinds(said) == ["CancelHop", "ReleaseGrants", "ReleaseGrants", "CopyCancelled"]
    stopped, released = await scene.one(CancelHop), await scene.all(ReleaseGrants)
    assert (stopped.hop_id, stopped.epoch) == (offer.hop_id, 1)
    assert {item.grant.id for item in released} == {"g-s3", "g-nfs"}
    assert (await scene.one(CopyCancelled)).last
    assert await scene.bench.handle(reported(offer)) == []
    assert await scene.bench.handle(made_visible(offer)) == []


async def test_a_pool_of_the_agent_is_cleaned_by_the_cancel_itself(scene: Scene) -> None:
    await scene.join(kvm())
    await scene.ask(destination=pool(kvm()))
    await scene.bench.handle(withdraw())
    assert (await scene.one(CancelHop)).destination == pool(kvm())
    assert [r.grant.owner for r in await scene.all(ReleaseGrants)] == [ServiceName.IMAGE_STORE]


async def test_a_commit_under_way_is_not_cancelled(scene: Scene) -> None:
    await scene.join(kvm())
    await scene.ask()
    offer = await scene.offer()
    await scene.bench.handle(reported(offer))
    assert kinds(await scene.bench.handle(withdraw())) == ["CopyStarted"]
    assert "too late" in (await scene.view()).waiting_for
    await scene.bench.handle(made_visible(offer))
    assert (await scene.view()).state == "done"


async def test_a_cancel_that_overtakes_its_request_still_counts(scene: Scene) -> None:
    await scene.join(kvm())
    assert await scene.bench.handle(withdraw()) == []
    assert "CopyCancelled" in kinds(await scene.ask())
    assert await scene.all(ExecuteHop) == []


@pytest.mark.parametrize("end", ["done", "cancelled"])
async def test_a_cancel_after_the_end_has_no_effect(scene: Scene, end: str) -> None:
    await scene.join(kvm())
    await scene.ask()
    await (scene.finish() if end == "done" else scene.bench.handle(withdraw()))
    assert await scene.bench.handle(withdraw()) == []
    assert (await scene.view()).state == end


@pytest.mark.parametrize("end", ["CopyCompleted", "CopyFailed", "CopyCancelled"])
async def test_who_asks_again_after_the_end_is_told_it_again(scene: Scene, end: str) -> None:
    await scene.join(kvm())
    await scene.ask()
    if end == "CopyCompleted":
        await scene.finish()
    elif end == "CopyFailed":
        error = ImageRefused("bad bytes").problem
        await scene.bench.handle(reported(await scene.offer(), receipt=None, error=error))
    else:
        await scene.bench.handle(withdraw())
    first = next(m for m in await scene.bench.said() if type(m).__name__ == end)
    assert await scene.ask() == [first]


CHECKSUM = "md5:" + "2" * 32
REFUSED = {
    "wrong bytes": (receipt(digest=OTHER_DIGEST, linear=CHECKSUM), "image.digest"),
    "wrong size": (receipt(size=SIZE - 1, linear=CHECKSUM), "image.size"),
    "checksum not looked at": (receipt(), "image.checksum"),
    "wrong checksum": (receipt(linear="md5:" + "1" * 32), "image.checksum"),
    "refused by the gate": (
        receipt(verdict=Verdict(accepted=False, code="backing", reason="no", gate_version=1)),
        "image.backing",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
async def test_a_receipt_that_does_not_match_is_never_committed(scene: Scene, case: str) -> None:
    told, code = REFUSED[case]
    await scene.join(kvm())
    await scene.ask(checksum=CHECKSUM)
    await scene.bench.handle(reported(await scene.offer(), receipt=told))
    assert await scene.all(CommitHop) == []
    assert (await scene.one(CopyFailed)).error.code == code


async def test_an_owner_that_commits_other_bytes_fails_the_copy(scene: Scene) -> None:
    await scene.join(kvm())
    await scene.ask()
    offer = await scene.offer()
    await scene.bench.handle(reported(offer))
    await scene.bench.handle(made_visible(offer, digest=OTHER_DIGEST))
    assert (await scene.one(CopyFailed)).error.code == "conflict.digest"


async def test_a_final_error_is_told_as_the_agent_gave_it(scene: Scene) -> None:
    error: Problem = ImageRefused("a backing file", code="backing", resource="t1").problem
    await scene.join(kvm())
    await scene.ask(source=url())
    said = await scene.bench.handle(reported(await scene.offer(), error=error))
    assert kinds(said) == ["CancelHop", "ReleaseGrants", "ReleaseGrants", "CopyFailed"]
    assert (await scene.one(CopyFailed)).error == error


async def test_progress_is_signalled_to_every_asker_once_a_second(scene: Scene) -> None:
    await scene.join(kvm())
    await scene.ask("copy1")
    await scene.ask("copy2")
    offer = await scene.offer()
    for done in (1 << 20, 2 << 20, 3 << 20):
        await scene.bench.hear(moved(offer, done))
    signals = [s for s in scene.bench.bus.signals if isinstance(s, CopyProgressed)]
    assert {s.copy_id for s in signals} == {"copy1", "copy2"}
    assert {s.transfer.bytes_done for s in signals} == {1 << 20}
    await scene.pass_time(2, kvm())
    await scene.bench.hear(moved(offer, 4 << 20))
    last = scene.bench.bus.signals[-1]
    assert isinstance(last, CopyProgressed)
    assert last.transfer.eta_seconds == pytest.approx(4 * (1 << 20) / 1e6)


def store_view(state: StoreState, id: str = "nfs") -> StoreView:
    return StoreView(
        id=id,
        name=id,
        provider="directory",
        role=StoreRole.IMAGE,
        scope=Scope.region(),
        state=state,
    )


async def test_a_store_that_is_removed_fails_the_copies_that_use_it(scene: Scene) -> None:
    await scene.join(kvm())
    await scene.ask("copy1", destination=image("nfs"))
    await scene.ask("copy2", destination=image("other"))
    await scene.bench.handle(StoreRemoved(state=store_view(StoreState.REMOVED)))
    failed = await scene.one(CopyFailed)
    assert (failed.state.id, failed.error.code) == ("copy1", "unavailable.store_removed")
    await scene.finish("copy2")
    assert (await scene.view("copy2")).state == "done"


async def test_a_hop_waits_while_its_destination_is_degraded(scene: Scene) -> None:
    await scene.join(kvm())
    await scene.bench.handle(StoreDegraded(state=store_view(StoreState.DEGRADED)), sequence=5)
    await scene.ask(destination=image("nfs"))
    assert (await scene.view()).waiting_for == "store nfs, which is Degraded"
    await scene.bench.handle(StoreDegraded(state=store_view(StoreState.UP)), sequence=6)
    await scene.pass_time(5, kvm())
    assert len(await scene.starts()) == 1


async def test_finished_copies_are_forgotten_after_their_time(scene: Scene) -> None:
    await scene.join(kvm())
    await scene.ask()
    await scene.finish()
    await scene.bench.run_timers("forget")
    assert kinds(await scene.ask()) == ["CopyCompleted"]
    await scene.pass_time(31 * 86400, step=31 * 86400)
    await scene.bench.run_timers("forget")
    await scene.join(kvm())
    assert "CopyPlanned" in kinds(await scene.ask())


async def test_nothing_that_is_said_holds_a_secret_or_a_url(scene: Scene) -> None:
    await scene.join(kvm())
    await scene.bench.handle(asked(source=url()))
    await scene.finish()
    for said in await scene.bench.sent():
        assert "https://" not in said.envelope.model_dump_json()


async def test_planned_and_started_carry_the_whole_state(scene: Scene) -> None:
    await scene.bench.handle(joined(kvm()))
    await scene.ask()
    planned, started = await scene.one(CopyPlanned), await scene.one(CopyStarted)
    assert (planned.state.state, planned.state.hops[0].state) == ("planned", "pending")
    assert (started.state.state, started.state.hops[0].state) == ("running", "offered")
    assert started.state.hops[0].host_id == "kvm1"
