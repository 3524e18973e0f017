"""data-motion over real RabbitMQ and PostgreSQL."""

import asyncio
from collections.abc import Callable

from stowage_contracts.messages.data_motion import CommitHop, CopyCompleted
from stowage_contracts.messages.hypervisor_agent import CancelHop, ExecuteHop
from stowage_contracts.messages.image_store import ReleaseGrants
from stowage_runtime.testing.eventually import eventually

from tests.integration.data_motion.conftest import MakeAgent, Start
from tests.integration.data_motion.peers import Agent, Owner, stay, work
from tests.unit.data_motion.build import asked, image, kvm, pool, reported, withdraw


async def until(true: Callable[[], object], seconds: float = 30) -> None:
    async def look() -> bool:
        return bool(true())

    await eventually(look, seconds)


async def test_two_askers_get_one_transfer_and_two_successes(
    start: Start, owner: Owner, agent: MakeAgent
) -> None:
    async with start():
        host = await agent(kvm())
        await until(lambda: host.heard)
        await owner.say(asked("copy1"))
        await owner.say(asked("copy2"))
        await until(lambda: len(owner.ended()) == 2)
    assert owner.ended() == {"copy1": "CopyCompleted", "copy2": "CopyCompleted"}
    done = [said for said in owner.heard if isinstance(said, CopyCompleted)]
    shared = len({said.state.leader_id for said in done})
    assert len(host.offers()) == shared
    assert all(said.state.answers for said in done)


async def test_a_pool_of_an_agent_is_committed_by_the_agent(
    start: Start, owner: Owner, agent: MakeAgent
) -> None:
    async with start():
        host = await agent(kvm())
        await until(lambda: host.heard)
        await owner.say(asked("copy1", destination=pool(kvm())))
        await until(lambda: owner.ended() == {"copy1": "CopyCompleted"})
    assert any(isinstance(message, CommitHop) for message in host.heard)
    assert not any(isinstance(message, CommitHop) for message in owner.heard)


async def test_a_killed_agents_hop_is_finished_by_another_and_its_late_words_are_ignored(
    start: Start, owner: Owner, agent: MakeAgent
) -> None:
    async with start():
        first = await agent(kvm("kvm1"), stay)
        await until(lambda: first.heard)
        await owner.say(asked("copy1"))
        await until(first.offers)
        second = await agent(kvm("kvm2"), stay)
        await first.die()
        await until(second.offers)
        late, current = first.offers()[0], second.offers()[0]
        assert (current.hop_id, current.epoch) == (late.hop_id, late.epoch + 1)
        await second.say(reported(late, host_id="kvm2"))
        await second.say(reported(current))
        await until(lambda: owner.ended() == {"copy1": "CopyCompleted"})
    commits = [said.epoch for said in owner.heard if isinstance(said, CommitHop)]
    assert set(commits) == {current.epoch}


async def test_cancel_stops_the_agent_and_its_slot_goes_to_the_next(
    start: Start, owner: Owner, agent: MakeAgent
) -> None:
    async with start():
        host = await agent(kvm(slots=1), stay)
        await until(lambda: host.heard)
        await owner.say(asked("copy1"))
        await until(host.offers)
        await owner.say(asked("copy2", image("origin2"), image("nfs2")))
        await owner.say(withdraw("copy1"), to="data-motion")
        await until(lambda: len(host.offers()) == 2)
        await until(lambda: owner.ended() == {"copy1": "CopyCancelled"})
    assert [type(message) for message in host.heard if not isinstance(message, ExecuteHop)][1:] == [
        CancelHop
    ]
    released = {said.grant.id for said in owner.heard if isinstance(said, ReleaseGrants)}
    assert released == {"g-s3", "g-nfs"}


async def test_a_copy_goes_on_when_data_motion_is_restarted_under_it(
    start: Start, owner: Owner, agent: MakeAgent
) -> None:
    async with start():
        host = await agent(kvm(), stay)
        await until(lambda: host.heard)
        await owner.say(asked("copy1"))
        await until(host.offers)
    await host.say(reported(host.offers()[0]))
    async with start():
        await until(lambda: owner.ended() == {"copy1": "CopyCompleted"})
    assert len(host.offers()) == 1


async def test_two_instances_share_the_work_and_never_give_out_a_slot_twice(
    start: Start, owner: Owner, agent: MakeAgent
) -> None:
    async def slowly(agent: Agent, offer: ExecuteHop) -> None:
        await asyncio.sleep(0.05)
        await work(agent, offer)

    async with start(), start():
        hosts = [await agent(kvm(name, slots=2), slowly) for name in ("kvm1", "kvm2", "kvm3")]
        await until(lambda: all(host.heard for host in hosts))
        wanted = {f"copy{number}" for number in range(30)}
        for number, copy_id in enumerate(sorted(wanted)):
            await owner.say(asked(copy_id, image(f"o{number}"), image(f"d{number}")))
        await until(lambda: owner.ended().keys() == wanted, 60)
    assert set(owner.ended().values()) == {"CopyCompleted"}
    assert sum(len(host.offers()) for host in hosts) == 30
    assert max(host.most_busy for host in hosts) <= 2
