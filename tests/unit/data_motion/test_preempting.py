"""What matters more gets the slot of what matters least."""

from data_motion.model.timeline import MOST, noted
from stowage_contracts.messages.data_motion import ChangeCopy
from stowage_contracts.messages.hypervisor_agent import ExecuteHop, SteerHop
from stowage_contracts.plugins.data_motion_strategy import AgentView
from stowage_contracts.values import Transfer
from stowage_contracts.views import Moment

from tests.unit.data_motion.build import NOW, SIZE, image, kvm, moved, pool, reported, stopped
from tests.unit.data_motion.scene import Scene

HOST = kvm("kvm1", slots=2)
BACKUP, START = -10, 10


async def ask(scene: Scene, copy_id: str, priority: int, host: AgentView | None = None) -> None:
    target = pool(host, key=copy_id) if host else image(f"to-{copy_id}", key=copy_id)
    await scene.ask(copy_id, image(f"from-{copy_id}"), target, priority=priority)


async def busy(scene: Scene) -> None:
    """Two backups hold the slots of the only host."""
    await scene.join(HOST)
    for number, done in ((1, SIZE // 2), (2, SIZE // 4)):
        await ask(scene, f"backup{number}", BACKUP)
        await scene.bench.hear(moved(await scene.offer(f"backup{number}"), done))


async def yielding(scene: Scene) -> list[str]:
    asked = {said.hop_id for said in await scene.all(SteerHop) if said.yields}
    offers = await scene.all(ExecuteHop)
    return sorted({offer.copy_id for offer in offers if offer.hop_id in asked})


async def test_a_start_gets_the_slot_of_the_backup_that_has_done_least(scene: Scene) -> None:
    await busy(scene)
    await ask(scene, "start", START)
    assert await yielding(scene) == ["backup2"]
    waiting = (await scene.view("start")).waiting_for
    assert waiting == "a slot on host kvm1; copy backup2 (priority -10) makes room"
    await scene.bench.handle(stopped(await scene.offer("backup2"), (0, SIZE // 4)))
    assert (await scene.offer("start")).host_id == "kvm1"
    view = await scene.view("backup2")
    assert view.state == "waiting"
    assert view.waiting_for == "a slot on host kvm1; pre-empted by copy start (priority 10)"
    assert [moment.what for moment in view.timeline[-3:]] == ["pre-empted", "yielded", "waiting"]


async def test_what_was_pre_empted_goes_on_before_younger_ones(scene: Scene) -> None:
    await busy(scene)
    await ask(scene, "backup3", BACKUP)
    await ask(scene, "start", START)
    await scene.bench.handle(stopped(await scene.offer("backup2"), (0, SIZE // 4)))
    await scene.finish("start")
    again = await scene.offer("backup2")
    assert (again.epoch, again.hint[0].length) == (2, SIZE // 4)


async def test_equals_wait_for_each_other(scene: Scene) -> None:
    await busy(scene)
    await ask(scene, "backup3", BACKUP)
    assert await yielding(scene) == []


async def test_one_hop_yields_to_each_that_waits(scene: Scene) -> None:
    await busy(scene)
    await ask(scene, "start1", START)
    await scene.pass_time(3, HOST, step=1)
    assert await yielding(scene) == ["backup2"]
    await ask(scene, "start2", START)
    assert await yielding(scene) == ["backup1", "backup2"]
    await ask(scene, "start3", START)
    assert len(await yielding(scene)) == 2


async def test_what_is_nearly_done_or_being_committed_is_spared(scene: Scene) -> None:
    await busy(scene)
    await scene.bench.hear(moved(await scene.offer("backup1"), SIZE - SIZE // 32))
    await scene.bench.handle(reported(await scene.offer("backup2")))
    await ask(scene, "start", START)
    assert await yielding(scene) == []


async def test_what_is_being_verified_is_spared(scene: Scene) -> None:
    await busy(scene)
    figures = Transfer(bytes_done=10, bytes_total=SIZE, phase="verifying")
    for number in (1, 2):
        offer = await scene.offer(f"backup{number}")
        await scene.bench.hear(moved(offer, 0, transfer=figures))
    await ask(scene, "start", START)
    assert await yielding(scene) == []


async def test_nobody_yields_whose_slot_would_not_help(scene: Scene) -> None:
    other = kvm("kvm2", slots=1)
    await scene.join(HOST, other)
    await ask(scene, "backup1", BACKUP, host=HOST)
    await ask(scene, "start1", START, host=other)
    await ask(scene, "start2", START, host=other)
    assert await yielding(scene) == []


async def test_another_priority_makes_room_at_once(scene: Scene) -> None:
    await busy(scene)
    await ask(scene, "late", BACKUP)
    await scene.bench.handle(ChangeCopy(copy_id="late", priority=START))
    assert await yielding(scene) == ["backup2"]


async def test_a_copy_that_comes_to_matter_less_makes_room(scene: Scene) -> None:
    await scene.join(kvm("kvm1", slots=1))
    await ask(scene, "one", 0)
    await ask(scene, "two", 0)
    assert await yielding(scene) == []
    await scene.bench.handle(ChangeCopy(copy_id="one", priority=BACKUP))
    assert await yielding(scene) == ["one"]


def test_a_timeline_keeps_its_beginning_and_its_end() -> None:
    timeline: tuple[Moment, ...] = ()
    for number in range(5 * MOST):
        timeline = noted(timeline, Moment(at=NOW, what="waiting", text=str(number)))
    texts = [int(moment.text) for moment in timeline]
    assert texts == [*range(MOST), *range(4 * MOST, 5 * MOST)]
    assert noted(timeline, timeline[-1]) == timeline
