from stowage_contracts.errors import Stalled
from stowage_contracts.messages.hypervisor_agent import ExecuteHop, Heartbeat
from stowage_contracts.values import CopyEnd

from tests.unit.data_motion.build import image, kvm, pool, reported, withdraw
from tests.unit.data_motion.scene import Scene

ONE_SLOT = kvm(slots=1)


def target(number: int) -> CopyEnd:
    """A destination of its own, on a store of its own."""
    return image(f"store{number}", key=f"template/{number}")


def source(number: int) -> CopyEnd:
    return image(f"origin{number}")


async def running(scene: Scene) -> list[str]:
    return [offer.copy_id for offer in await scene.all(ExecuteHop)]


async def ask(scene: Scene, *numbers: int, **changes: object) -> None:
    for number in numbers:
        await scene.ask(f"copy{number}", source(number), target(number), **changes)


async def test_a_copy_waits_for_a_slot_of_the_host_and_says_so(scene: Scene) -> None:
    await scene.join(ONE_SLOT)
    await ask(scene, 1, 2)
    assert await running(scene) == ["copy1"]
    view = await scene.view("copy2")
    assert (view.state, view.waiting_for) == ("waiting", "a slot on host kvm1")


async def test_a_slot_that_is_freed_goes_to_the_next_in_the_same_transaction(scene: Scene) -> None:
    await scene.join(ONE_SLOT)
    await ask(scene, 1, 2)
    await scene.finish("copy1")
    assert await running(scene) == ["copy1", "copy2"]


async def test_cancel_frees_the_slot_at_once(scene: Scene) -> None:
    await scene.join(ONE_SLOT)
    await ask(scene, 1, 2)
    await scene.bench.handle(withdraw("copy1"))
    assert await running(scene) == ["copy1", "copy2"]


async def test_a_store_takes_only_so_many_hops(scene: Scene) -> None:
    await scene.join(kvm())
    for number in (1, 2, 3):
        await scene.ask(f"copy{number}", image(), image(f"store{number}"))
    assert await running(scene) == ["copy1", "copy2"]
    assert (await scene.view("copy3")).waiting_for == "a slot on store s3"


async def test_a_zone_takes_only_so_many_hops(scene: Scene) -> None:
    await scene.join(kvm(slots=40))
    for number in range(33):
        await ask(scene, number, account_id=f"acc{number % 2}")
    assert len(await running(scene)) == 32
    assert (await scene.view("copy32")).waiting_for == "a slot on zone z1"


async def test_an_account_takes_only_so_many_hops_so_that_others_find_slots(scene: Scene) -> None:
    await scene.join(kvm(slots=40))
    await ask(scene, *range(25), account_id="many")
    assert len(await running(scene)) == 24
    assert (await scene.view("copy24")).waiting_for == "a slot of account many"
    await ask(scene, 25, account_id="few")
    assert (await running(scene))[-1] == "copy25"
    await scene.finish("copy0")
    assert (await running(scene))[-1] == "copy24"


async def test_the_higher_priority_goes_first(scene: Scene) -> None:
    await scene.join(ONE_SLOT)
    await ask(scene, 1, 2, priority=-10)
    await ask(scene, 3, priority=10)
    await scene.finish("copy1")
    assert await running(scene) == ["copy1", "copy3"]


async def test_accounts_share_fairly_then_the_oldest_goes_first(scene: Scene) -> None:
    await scene.join(kvm(slots=2))
    await ask(scene, 1, 2, 3, account_id="many")
    await ask(scene, 4, account_id="few")
    await scene.finish("copy1")
    assert await running(scene) == ["copy1", "copy2", "copy4"]
    await scene.finish("copy4")
    assert await running(scene) == ["copy1", "copy2", "copy4", "copy3"]


async def test_the_least_busy_of_equal_hosts_is_chosen(scene: Scene) -> None:
    await scene.join(kvm("kvm1"), kvm("kvm2"))
    await ask(scene, 1, 2, 3)
    assert [o.host_id for o in await scene.all(ExecuteHop)] == ["kvm1", "kvm2", "kvm1"]


async def test_a_host_in_the_askers_zone_is_preferred(scene: Scene) -> None:
    await scene.join(kvm("kvm1", "z1"), kvm("kvm2", "z2"))
    await scene.ask(location=kvm("kvm2", "z2").location)
    assert (await scene.offer()).host_id == "kvm2"


async def test_a_new_agent_takes_what_was_waiting(scene: Scene) -> None:
    await scene.join(ONE_SLOT)
    await ask(scene, 1, 2)
    await scene.join(kvm("kvm2"))
    assert [o.host_id for o in await scene.all(ExecuteHop)] == ["kvm1", "kvm2"]


async def test_a_host_back_from_a_silence_takes_what_waits_for_anothers_slot(scene: Scene) -> None:
    other = kvm("kvm2", slots=1)
    await scene.join(ONE_SLOT, other)
    await scene.pass_time(20, ONE_SLOT)
    await ask(scene, 1, 2)
    assert await running(scene) == ["copy1"]
    await scene.bench.hear(Heartbeat(host_id="kvm2", boot_id="boot1"))
    assert await running(scene) == ["copy1", "copy2"]


async def test_a_silent_host_is_offered_nothing(scene: Scene) -> None:
    await scene.join(kvm("kvm1"), kvm("kvm2"))
    await scene.pass_time(20, kvm("kvm2"))
    await ask(scene, 1, 2)
    assert {o.host_id for o in await scene.all(ExecuteHop)} == {"kvm2"}


async def test_a_copy_for_a_host_that_restarts_waits_for_it(scene: Scene) -> None:
    await scene.join(kvm())
    await scene.pass_time(60)
    await scene.ask(destination=pool(kvm()))
    assert "kvm1, which is silent" in (await scene.view()).waiting_for
    await scene.pass_time(5, kvm())
    assert len(await scene.starts()) == 1


async def test_a_hop_that_is_tried_again_gives_its_slot_to_others_meanwhile(scene: Scene) -> None:
    await scene.join(ONE_SLOT)
    await ask(scene, 1, 2)
    await scene.bench.handle(reported(await scene.offer("copy1"), error=Stalled("x").problem))
    assert await running(scene) == ["copy1", "copy2"]
    await scene.finish("copy2")
    await scene.pass_time(2, ONE_SLOT)
    assert await running(scene) == ["copy1", "copy2", "copy1"]


async def test_backups_leave_one_slot_of_many_to_others(scene: Scene) -> None:
    await scene.join(kvm(slots=4))
    await ask(scene, 1, 2, 3, 4, priority=-10)
    assert await running(scene) == ["copy1", "copy2", "copy3"]
    assert (await scene.view("copy4")).waiting_for == "a slot on host kvm1"
    await ask(scene, 5)
    assert (await running(scene))[-1] == "copy5"
    await scene.finish("copy5")
    assert (await running(scene))[-1] == "copy5"
    await scene.finish("copy1")
    assert (await running(scene))[-1] == "copy4"


async def test_backups_take_every_slot_where_there_are_few(scene: Scene) -> None:
    await scene.join(kvm(slots=3))
    await ask(scene, 1, 2, 3, priority=-10)
    assert len(await running(scene)) == 3
