import pytest
from stowage_contracts.errors import (
    OutOfSpace,
    SourceChanged,
    SourceRefused,
    Stalled,
    StowageError,
    Unavailable,
)
from stowage_contracts.messages.data_motion import (
    ChangeCopy,
    CommitHop,
    CopyFailed,
    HopCommitFailed,
)
from stowage_contracts.messages.hypervisor_agent import CancelHop, ExecuteHop, ListHops
from stowage_contracts.values import ImageFormat, Range, Transfer

from tests.unit.data_motion.build import (
    image,
    joined,
    kvm,
    made_visible,
    moved,
    pool,
    receipt,
    reported,
)
from tests.unit.data_motion.scene import Scene

KVM2 = kvm("kvm2")


async def offers(scene: Scene) -> list[tuple[str, int]]:
    return [(offer.host_id, offer.epoch) for offer in await scene.all(ExecuteHop)]


async def test_progress_keeps_the_lease_as_long_as_it_comes(scene: Scene) -> None:
    await scene.join(kvm(), KVM2)
    await scene.ask()
    offer = await scene.offer()
    for done in range(1, 13):
        await scene.bench.hear(moved(offer, done << 18))
        await scene.pass_time(15, kvm(), KVM2)
    assert await offers(scene) == [("kvm1", 1)]


async def test_a_silent_agents_hop_goes_on_elsewhere_under_the_next_epoch(scene: Scene) -> None:
    await scene.join(kvm(), KVM2)
    await scene.ask()
    first = await scene.offer()
    await scene.bench.hear(moved(first, 1 << 20, journaled=(Range(offset=0, length=1 << 20),)))
    await scene.pass_time(25, KVM2)
    assert await offers(scene) == [("kvm1", 1), ("kvm2", 2)]
    second = await scene.offer()
    assert second.generation == 1
    assert second.hint == (Range(offset=0, length=1 << 20),)
    assert [s.state.hops[0].host_id for s in await scene.starts()] == ["kvm1", "kvm2"]


async def test_an_older_epoch_is_not_heard(scene: Scene) -> None:
    await scene.join(kvm(), KVM2)
    await scene.ask()
    first = await scene.offer()
    await scene.pass_time(12, KVM2)
    before = len(await scene.bench.said())
    await scene.bench.hear(moved(first, 5 << 20))
    await scene.bench.handle(reported(first))
    await scene.bench.handle(made_visible(first))
    assert len(await scene.bench.said()) == before
    second = await scene.offer()
    await scene.bench.handle(reported(second))
    await scene.bench.handle(reported(second))
    assert [c.epoch for c in await scene.all(CommitHop)] == [2]


async def test_an_offer_that_is_not_taken_up_goes_to_another(scene: Scene) -> None:
    await scene.join(kvm(), KVM2)
    await scene.ask()
    await scene.pass_time(11, kvm(), KVM2)
    assert await offers(scene) == [("kvm1", 1), ("kvm2", 2)]


async def test_a_hop_into_a_local_pool_waits_for_its_host(scene: Scene) -> None:
    await scene.join(kvm(), KVM2)
    await scene.ask(destination=pool(kvm()))
    await scene.bench.hear(moved(await scene.offer(), 1 << 20))
    await scene.pass_time(60, KVM2)
    assert await offers(scene) == [("kvm1", 1)]
    await scene.bench.handle(joined(kvm(), "boot2"))
    assert await offers(scene) == [("kvm1", 1), ("kvm1", 2)]
    assert "restart" not in (await scene.view()).waiting_for


async def test_a_host_that_does_not_return_fails_the_copy_in_time(scene: Scene) -> None:
    await scene.join(kvm(), KVM2)
    await scene.ask(destination=pool(kvm()))
    await scene.pass_time(400, KVM2)
    assert await scene.all(CopyFailed) == []
    await scene.pass_time(300, KVM2)
    failed = await scene.one(CopyFailed)
    assert failed.error.code == "unavailable.host_gone"
    assert "host kvm1 did not return" in failed.error.cause


async def test_a_restarted_agent_gets_its_hop_back_at_once_and_is_told_what_to_keep(
    scene: Scene,
) -> None:
    await scene.join(kvm(), KVM2)
    await scene.ask(destination=pool(kvm()))
    offer = await scene.offer()
    await scene.bench.handle(joined(kvm(), "boot2"))
    assert await offers(scene) == [("kvm1", 1), ("kvm1", 2)]
    told = (await scene.all(ListHops))[-1]
    assert (told.host_id, told.live) == ("kvm1", (offer.hop_id,))


async def test_a_reconnect_of_the_same_boot_leaves_the_hop_where_it_is(scene: Scene) -> None:
    await scene.join(kvm())
    await scene.ask()
    await scene.bench.handle(joined(kvm()))
    assert await offers(scene) == [("kvm1", 1)]


async def test_a_stalled_epoch_is_stopped_and_written_anew_by_another(scene: Scene) -> None:
    await scene.join(kvm(), KVM2)
    await scene.ask()
    first = await scene.offer()
    for _ in range(12):
        await scene.bench.hear(moved(first, 1 << 20))
        await scene.pass_time(5, kvm(), KVM2)
    stopped, second = await scene.one(CancelHop), await scene.offer()
    assert (stopped.host_id, stopped.epoch) == ("kvm1", 1)
    assert (second.host_id, second.epoch, second.generation) == ("kvm2", 2, 2)


async def test_a_phase_that_moves_no_bytes_is_no_stall(scene: Scene) -> None:
    await scene.join(kvm())
    await scene.ask()
    offer = await scene.offer()
    for _ in range(30):
        quiet = Transfer(bytes_done=1 << 20, phase="converting")
        await scene.bench.hear(moved(offer, 0, transfer=quiet))
        await scene.pass_time(5, kvm())
    assert await offers(scene) == [("kvm1", 1)]


async def test_a_low_limit_is_no_stall(scene: Scene) -> None:
    await scene.join(kvm())
    await scene.ask()
    offer = await scene.offer()
    change = ChangeCopy(copy_id=offer.copy_id, bytes_per_second=256 << 10)
    await scene.bench.handle(change, source="api-gateway")
    for _ in range(30):
        await scene.bench.hear(moved(offer, 1 << 20))
        await scene.pass_time(5, kvm())
    assert await offers(scene) == [("kvm1", 1)]


async def test_leases_start_afresh_after_data_motion_itself_was_away(scene: Scene) -> None:
    await scene.join(kvm())
    await scene.ask()
    await scene.bench.hear(moved(await scene.offer(), 1 << 20))
    await scene.bench.run_timers("sweep")
    await scene.pass_time(300, step=300)
    assert await offers(scene) == [("kvm1", 1)]
    await scene.pass_time(25, kvm())
    assert await offers(scene) == [("kvm1", 1), ("kvm1", 2)]


async def test_leases_outlive_a_time_in_which_no_agent_at_all_is_heard(scene: Scene) -> None:
    await scene.join(kvm(), KVM2)
    await scene.ask()
    await scene.bench.hear(moved(await scene.offer(), 1 << 20))
    await scene.pass_time(100)
    assert await offers(scene) == [("kvm1", 1)]
    await scene.bench.hear(moved(await scene.offer(), 2 << 20))
    await scene.pass_time(15, kvm(), KVM2)
    assert await offers(scene) == [("kvm1", 1)]


async def test_a_silence_that_lasts_is_believed(scene: Scene) -> None:
    await scene.join(kvm())
    await scene.ask()
    await scene.bench.hear(moved(await scene.offer(), 1 << 20))
    await scene.pass_time(150)
    assert "kvm1, which is silent" in (await scene.view()).waiting_for


AGAIN = [Stalled("no byte"), Unavailable("dropped"), OutOfSpace("full")]


@pytest.mark.parametrize("error", AGAIN, ids=lambda error: error.code)
async def test_what_failed_on_one_agent_is_tried_on_another_after_a_pause(
    scene: Scene, error: StowageError
) -> None:
    await scene.join(kvm(), KVM2)
    await scene.ask()
    await scene.bench.handle(reported(await scene.offer(), error=error.problem))
    assert await offers(scene) == [("kvm1", 1)]
    await scene.pass_time(2, kvm(), KVM2, step=2)
    assert await offers(scene) == [("kvm1", 1), ("kvm2", 2)]


async def test_what_may_pass_is_tried_again_by_the_only_agent(scene: Scene) -> None:
    await scene.join(kvm(), KVM2)
    await scene.ask(destination=pool(kvm()))
    error = Unavailable("it stops", code="agent_stopped").problem
    await scene.bench.handle(reported(await scene.offer(), error=error))
    await scene.pass_time(2, kvm(), KVM2, step=2)
    assert await offers(scene) == [("kvm1", 1), ("kvm1", 2)]


async def test_out_of_space_where_nobody_else_can_fails(scene: Scene) -> None:
    await scene.join(kvm(), KVM2)
    await scene.ask(destination=pool(kvm()))
    error = OutOfSpace("no room", resource="pool-kvm1").problem
    await scene.bench.handle(reported(await scene.offer(), error=error))
    await scene.pass_time(2, kvm(), KVM2)
    assert (await scene.one(CopyFailed)).error == error


async def test_a_changed_source_is_written_to_a_new_part(scene: Scene) -> None:
    await scene.join(kvm())
    await scene.ask()
    error = SourceChanged("another ETag").problem
    await scene.bench.handle(reported(await scene.offer(), error=error))
    await scene.pass_time(2, kvm())
    assert ((await scene.offer()).epoch, (await scene.offer()).generation) == (2, 2)


async def test_a_conversion_is_never_continued_by_another_writer(scene: Scene) -> None:
    able = kvm(convert=(ImageFormat.QCOW2, ImageFormat.RAW))
    await scene.join(able)
    await scene.ask(destination=pool(kvm(), format=ImageFormat.RAW))
    await scene.bench.handle(joined(able, "boot2"))
    assert ((await scene.offer()).epoch, (await scene.offer()).generation) == (2, 2)


async def test_it_gives_up_after_too_many_tries_without_a_new_byte(scene: Scene) -> None:
    await scene.join(kvm())
    await scene.ask()
    error = Unavailable("the source drops").problem
    for tries in range(6):
        await scene.bench.handle(reported(await scene.offer(), error=error))
        await scene.pass_time(2**tries, kvm())
    assert (await scene.one(CopyFailed)).error == error
    assert len(await offers(scene)) == 6


async def test_every_new_byte_clears_the_count_of_tries(scene: Scene) -> None:
    await scene.join(kvm())
    await scene.ask()
    error = Unavailable("the source drops").problem
    for done in range(1, 9):
        await scene.bench.hear(moved(await scene.offer(), done << 18))
        await scene.bench.handle(reported(await scene.offer(), error=error))
        await scene.pass_time(2, kvm())
    assert await scene.all(CopyFailed) == []
    assert len(await offers(scene)) == 9


async def test_a_final_error_is_not_tried_again(scene: Scene) -> None:
    await scene.join(kvm(), KVM2)
    await scene.ask()
    error = SourceRefused("gone", code="not_found").problem
    await scene.bench.handle(reported(await scene.offer(), error=error))
    await scene.pass_time(60, kvm(), KVM2)
    assert len(await offers(scene)) == 1


async def test_a_lost_commit_is_said_again_until_it_is_answered(scene: Scene) -> None:
    await scene.join(kvm())
    await scene.ask()
    offer = await scene.offer()
    await scene.bench.handle(reported(offer))
    await scene.pass_time(15, kvm())
    assert {c.epoch for c in await scene.all(CommitHop)} == {1}
    assert len(await scene.all(CommitHop)) > 2
    await scene.bench.handle(made_visible(offer))
    said = len(await scene.all(CommitHop))
    await scene.pass_time(15, kvm())
    assert len(await scene.all(CommitHop)) == said
    assert (await scene.view()).state == "done"


async def test_a_restarted_agent_is_asked_again_to_commit_its_own_pool(scene: Scene) -> None:
    await scene.join(kvm())
    await scene.ask(destination=pool(kvm()))
    await scene.bench.handle(reported(await scene.offer()))
    await scene.bench.handle(joined(kvm(), "boot2"))
    assert len(await scene.all(CommitHop)) == 2
    assert await offers(scene) == [("kvm1", 1)]


async def test_a_commit_that_found_nothing_is_copied_again_into_a_new_part(scene: Scene) -> None:
    await scene.join(kvm())
    await scene.ask()
    offer = await scene.offer()
    await scene.bench.handle(reported(offer))
    await scene.bench.handle(
        HopCommitFailed(
            hop_id=offer.hop_id, copy_id="copy1", epoch=1, error=Unavailable("part is gone").problem
        )
    )
    await scene.pass_time(2, kvm())
    again = await scene.offer()
    assert (again.epoch, again.generation) == (2, 2)
    await scene.finish()
    assert (await scene.view()).state == "done"


async def test_a_commit_nobody_answers_ends_after_its_deadline(scene: Scene) -> None:
    await scene.join(kvm())
    await scene.ask(destination=image("nfs"))
    await scene.bench.handle(reported(await scene.offer(), receipt=receipt()))
    await scene.pass_time(4000, step=1000)
    assert (await scene.one(CopyFailed)).error.code == "unavailable.commit"
