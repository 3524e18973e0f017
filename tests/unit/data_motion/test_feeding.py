"""Who feeds whom, and what the agents are told of it."""

import asyncio
from typing import Any

import pytest
from data_motion.model.feeding import Candidate, Feeding
from data_motion.model.states import HopState
from data_motion.records import Feeder
from hypothesis import given, settings
from hypothesis import strategies as st
from stowage_contracts.message import Message
from stowage_contracts.messages.data_motion import ChangeCopy, DrainHost
from stowage_contracts.messages.hypervisor_agent import ExecuteHop, PeerTicket
from stowage_contracts.messages.image_store import CopyRequested
from stowage_contracts.plugins.data_motion_strategy import AgentView
from stowage_contracts.values import Location
from stowage_runtime.signing import Verifier

from tests.unit.data_motion.build import NOW, asked, image, kvm, made_visible, moved, pool, reported
from tests.unit.data_motion.scene import Scene

GIB = 1 << 30
HERE = Location(zone_id="z1", pod_id="p1", cluster_id="c1")
THERE = Location(zone_id="z2", pod_id="p2", cluster_id="c2")


def candidate(name: str, *feeders: str, at: Location = HERE, **changes: Any) -> Candidate:
    facts: dict[str, Any] = {"state": HopState.MOVING, "door": f"https://{name}"} | changes
    fed_by = tuple(Feeder(hop_id=f, host_id=f, door="https://x") for f in feeders)
    return Candidate(hop_id=name, host_id=name, location=at, fed_by=fed_by, **facts)


def chosen(*known: Candidate, at: Location = HERE, size: int = GIB, most: int = 2) -> list[str]:
    return [one.hop_id for one in Feeding.of(known, "new").choose(at, size, most)]


def grown(count: int, size: int, most: int = 2) -> Feeding:
    known: tuple[Candidate, ...] = ()
    for number in range(count):
        fed = chosen(*known, size=size, most=most)
        known += (candidate(str(number), *fed),)
    return Feeding.of(known, "new")


def test_the_first_hop_reads_the_origin() -> None:
    assert chosen() == []


def test_hops_form_a_chain_with_two_to_fall_back_to() -> None:
    leader, second = candidate("a"), candidate("b", "a")
    assert chosen(leader) == ["a"]
    assert chosen(leader, second) == ["b", "a"]
    assert chosen(leader, second, candidate("c", "b", "a")) == ["c", "b", "a"]


def test_a_host_of_the_same_zone_is_nearer_than_a_free_one_elsewhere() -> None:
    leader = candidate("a", at=THERE)
    mine = candidate("b", "a")
    far = candidate("c", "b", at=THERE)
    assert chosen(leader, mine, far)[0] == "b"
    assert chosen(leader, mine, far, at=THERE)[0] == "c"


def test_one_that_is_done_frees_its_place() -> None:
    leader = candidate("a")
    done = candidate("b", "a", state=HopState.COMMITTED)
    assert chosen(leader, done)[0] == "a"


def test_without_a_door_nobody_is_fed() -> None:
    assert chosen(candidate("a", door="")) == []


@settings(max_examples=20, deadline=None)
@given(count=st.integers(1, 60), leaves=st.integers(16, 512), most=st.integers(1, 3))
def test_no_host_feeds_more_than_it_may_and_no_chain_outgrows_its_image(
    count: int, leaves: int, most: int
) -> None:
    tree = grown(count, leaves << 22, most)
    assert max(tree.children.values(), default=0) <= most
    deepest = max(map(tree.depth, tree.by_id.values()))
    if most > 1:
        assert deepest <= max(4, leaves // 4) + 8
    assert all(tree.leader(one).hop_id == "0" for one in tree.by_id.values())


def test_a_small_image_branches_and_a_large_one_does_not() -> None:
    assert max(grown(50, 64 << 20).children.values()) == 2
    assert max(grown(50, GIB).children.values()) == 1


@settings(max_examples=20, deadline=None)
@given(st.data())
def test_whoever_comes_back_is_never_fed_by_those_it_feeds(data: st.DataObject) -> None:
    tree = tuple(grown(12, GIB).by_id.values())
    back = data.draw(st.sampled_from(tree))
    below = {back.hop_id}
    for one in tree:
        if below & {feeder.hop_id for feeder in one.fed_by}:
            below.add(one.hop_id)
    fed = Feeding.of(tree, back.hop_id).choose(HERE, GIB, 2)
    assert not below & {feeder.hop_id for feeder in fed}


def wanted(host: AgentView, **changes: Any) -> CopyRequested:
    end = pool(host)
    facts = {"size": GIB, "leaves": True} | changes
    return asked(f"copy-{host.host_id}", image(), end, **facts)


@pytest.fixture
async def hosts(scene: Scene) -> list[AgentView]:
    hosts = [kvm(f"kvm{n}", door=f"https://kvm{n}:8443") for n in range(5)]
    await scene.join(*hosts)
    return hosts


async def offers(scene: Scene) -> list[ExecuteHop]:
    return await scene.all(ExecuteHop)


async def test_many_hosts_take_one_slot_of_the_store(scene: Scene, hosts: list[AgentView]) -> None:
    for host in hosts:  # the store has two slots
        await scene.bench.handle(wanted(host))
    told = await offers(scene)
    assert [len(one.peers) for one in told] == [0, 1, 2, 3, 3]
    assert told[3].peers[0].hop_id == told[2].hop_id
    assert told[4].peers[-1].url == "https://kvm0:8443"
    view = await scene.view("copy-kvm2")
    assert view.hops[0].fed_by == ("kvm1", "kvm0")


async def test_hosts_that_ask_at_once_form_a_chain_too(
    scene: Scene, hosts: list[AgentView]
) -> None:
    await asyncio.gather(*(scene.bench.handle(wanted(host)) for host in hosts))
    await scene.pass_time(4, *hosts)
    told = await offers(scene)
    feeders = [one.peers[0].hop_id for one in told if one.peers]
    assert (len(told), len(set(feeders))) == (5, 4)


async def test_a_peers_ticket_names_reader_hop_host_and_bytes(
    scene: Scene, hosts: list[AgentView], verifier: Verifier
) -> None:
    for host in hosts[:2]:
        await scene.bench.handle(wanted(host))
    first, second = await offers(scene)
    claims = verifier.verify(second.peers[0].ticket, PeerTicket, NOW)
    assert (claims.hop_id, claims.host_id, claims.reader_id) == (first.hop_id, "kvm0", "kvm1")
    assert claims.digest == second.digest


@pytest.mark.parametrize("changes", [{"leaves": False}, {"size": 1 << 20}])
async def test_small_or_unproven_bytes_are_read_from_the_store(
    scene: Scene, hosts: list[AgentView], changes: dict[str, Any]
) -> None:
    for host in hosts:
        await scene.bench.handle(wanted(host, **changes))
    told = await offers(scene)
    assert [one.peers for one in told] == [(), ()]  # and the others wait for a slot


async def test_hops_that_waited_for_the_store_are_fed_once_somebody_reads_it(
    scene: Scene, hosts: list[AgentView]
) -> None:
    other = {"leaves": False, "digest": "sha256-tree-4m:" + "c" * 64}
    for host in hosts[:2]:
        await scene.bench.handle(wanted(host, **other))
    for host in hosts[2:]:
        await scene.bench.handle(wanted(host))
    assert len(await offers(scene)) == 2
    first = await scene.offer("copy-kvm0")
    receipt = {"size": GIB, "digest": other["digest"], "part": "p"}
    await scene.bench.handle(reported(first, receipt=receipt))
    await scene.bench.handle(made_visible(first, digest=other["digest"]))
    await scene.bench.hear(moved(await scene.offer("copy-kvm1"), 1))
    await scene.pass_time(4, *hosts)
    assert sorted(len(one.peers) for one in (await offers(scene))[2:]) == [0, 1, 2]


@pytest.mark.parametrize(
    "order", [ChangeCopy(copy_id="copy-kvm0", bytes_per_second=1 << 20), DrainHost(host_id="kvm0")]
)
async def test_who_is_held_up_feeds_nobody_new(
    scene: Scene, hosts: list[AgentView], order: Message
) -> None:
    await scene.bench.handle(wanted(hosts[0]))
    await scene.bench.hear(moved(await scene.offer("copy-kvm0"), 1))
    await scene.bench.handle(order)
    await scene.bench.handle(wanted(hosts[1]))
    assert (await scene.offer("copy-kvm1")).peers == ()


async def test_a_finished_host_feeds_a_while_longer(scene: Scene, hosts: list[AgentView]) -> None:
    await scene.bench.handle(wanted(hosts[0]))
    first = await scene.offer("copy-kvm0")
    receipt = {"size": GIB, "digest": first.digest, "part": "p"}
    await scene.bench.handle(reported(first, receipt=receipt))
    await scene.bench.handle(made_visible(first))
    await scene.bench.handle(wanted(hosts[1]))
    assert (await scene.offer("copy-kvm1")).peers[0].hop_id == first.hop_id
    await scene.pass_time(90, *hosts)
    await scene.bench.handle(wanted(hosts[2]))
    assert first.hop_id not in [p.hop_id for p in (await scene.offer("copy-kvm2")).peers]
