"""stowage cache, fleet, vm, autoscale; prefetch and demote."""

import asyncio
import json
from pathlib import Path

import pytest
from api_gateway.deps import Deps
from stowage_client.days import Day, demand
from stowage_contracts.caching import Demand, VmState
from stowage_contracts.errors import Conflict
from stowage_contracts.messages.cache_autoscaler import (
    CacheFleetChanged,
    EvictEntry,
    HoldEntry,
    ListDecisions,
    RemoveCacheFleet,
    SetCacheFleet,
    SimulateFleet,
    TransportVmRemoved,
)
from stowage_contracts.messages.data_motion import SetMotionPolicy
from stowage_contracts.messages.image_store import DemoteStore, PrefetchObject
from stowage_contracts.values import CacheUse, HypervisorKind, Scope, ScopeType
from stowage_contracts.views import DesiredCount, EvacuationView
from stowage_runtime.testing.bench import ServiceBench

from tests.unit.api_gateway import caches, words
from tests.unit.client.conftest import Command, printed

Bench = ServiceBench[Deps]


@pytest.fixture(autouse=True)
async def known(bench: Bench) -> None:
    """A zone, a cache store, a fleet; an owner that answers."""
    bench.bus.replies.update(caches.ANSWERS)
    await bench.handle(words.zone("z1"), sequence=1)
    await bench.handle(words.store("cache1", role="ImageCache"), sequence=1)
    await bench.handle(caches.fleet("f1"), sequence=1)


async def test_a_fleet_is_set_with_sizes_and_times_as_people_write_them(
    stowage: Command, bench: Bench
) -> None:
    line = "fleet set f2 --scope zone:z1 --max 8 --spare 1 --disk 64G --min-life 5m --deadline 2h"
    ended = await stowage(*line.split(), "--client", "10.0.0.0/16")
    assert ended.code == 0, ended.err
    (said,) = await bench.said(SetCacheFleet)
    assert isinstance(said, SetCacheFleet)
    fleet = said.fleet
    assert (fleet.name, fleet.maximum, fleet.spare) == ("f2", 8, 1)
    assert (fleet.vm.disk_bytes, fleet.vm.memory_bytes) == (64 << 30, 256 << 20)
    assert (fleet.min_life_seconds, fleet.deadline_seconds) == (300, 7200)
    assert [str(network) for network in fleet.vm.clients] == ["10.0.0.0/16"]
    for wrong in ("f2 --scope region", "f2 --scope zone:", "f2 --scope zone:z1 --min-life soon"):
        assert (await stowage("fleet", "set", *wrong.split())).code == 1, wrong


async def test_fleets_are_listed_with_why_they_are_so_large(stowage: Command, bench: Bench) -> None:
    wanted = DesiredCount(count=2, reason=caches.REASON)
    fleet = caches.fleet("f1", desired=wanted, members=1, spare=1, backlog_bytes=3 << 30)
    await bench.handle(fleet, sequence=2)
    row = (await stowage("fleet", "list")).out.splitlines()[1]
    assert row.split()[:8] == ["f1", "zone:z1", "0..3+1", "1", "0", "2", "3.0", "GiB"]
    assert row.endswith(caches.REASON)
    assert (await stowage("fleet", "show", "f1")).code == 0
    assert (await stowage("fleet", "remove", "f1")).code == 0
    assert await bench.said(RemoveCacheFleet) == [RemoveCacheFleet(fleet_id="f1")]


async def test_a_fleet_is_explained(stowage: Command) -> None:
    lines = (await stowage("autoscale", "explain", "f1")).out.splitlines()
    assert lines[0] == "fleet f1: waits for v1 to serve"
    assert lines[2].split()[:3] == ["backlog", "2", "12.0"]
    assert "failed: ValueError: no" in lines[3]
    assert lines[-1].split()[2:4] == ["spawn", "cache_fleet/f1"]


async def test_a_day_is_simulated_with_the_fleets_own_settings_or_others(
    stowage: Command, bench: Bench
) -> None:
    line = "autoscale simulate f1 --day storm --bytes 10G --rate 200M --spawn 5s"
    ended = await stowage(*line.split())
    assert ended.out.splitlines()[1].split()[:4] == ["1:00", "2", "1", "2"]
    assert ended.out.splitlines()[-1] == "p95 wait 1:02, 3.2 VM hours, at most 2 VMs, 0 flaps"
    assert (await stowage(*line.split(), "--max", "9", "--strategy", "forecast")).code == 0
    (own, _), (other, _) = bench.bus.asked
    assert isinstance(own, SimulateFleet)
    assert isinstance(other, SimulateFleet)
    assert (own.fleet.maximum, own.vm_bytes_per_second, own.spawn_seconds) == (3, 200 << 20, 5)
    assert own.demand == demand(Day.STORM, 10 << 30)
    assert (other.fleet.maximum, other.fleet.strategy) == (9, "forecast")
    assert other.fleet.scope == own.fleet.scope


async def test_a_day_is_read_from_a_file(stowage: Command, bench: Bench, tmp_path: Path) -> None:
    day = tmp_path / "day.csv"
    day.write_text("# seconds,bytes\n0,7\n60,0\n")
    assert (await stowage("autoscale", "simulate", "f1", "--demand", str(day))).code == 0
    ((asked, _),) = bench.bus.asked
    assert isinstance(asked, SimulateFleet)
    assert asked.demand == (Demand(seconds=0, wanted_bytes=7), Demand(seconds=60, wanted_bytes=0))
    day.write_text("noon,much\n")
    assert (await stowage("autoscale", "simulate", "f1", "--demand", str(day))).code == 1


@pytest.mark.parametrize("day", list(Day))
def test_a_made_up_day_wants_what_it_is_told(day: Day) -> None:
    points = demand(day, 1 << 40)
    assert 0 <= (1 << 40) - sum(point.wanted_bytes for point in points) < len(points)
    times = [point.seconds for point in points]
    assert times == sorted(set(times))
    assert len(points) <= 2000


async def test_caches_are_listed_with_what_they_hold(stowage: Command) -> None:
    assert (await stowage("cache", "list")).out.splitlines()[1].split()[0] == "cache1"
    shown = (await stowage("cache", "show", "cache1")).out
    assert "template/t1" in shown
    lines = (await stowage("cache", "entries")).out.splitlines()
    assert [line.split()[0] for line in lines[1:]] == ["e1", "e2"]
    assert "c1" in lines[2]


async def test_an_entry_is_held_and_evicted(stowage: Command, bench: Bench) -> None:
    assert (await stowage("cache", "hold", "e1", "--for", "2h")).code == 0
    assert (await stowage("cache", "hold", "e1", "--for", "0")).code == 0
    assert (await stowage("cache", "evict", "e1")).code == 0
    held, let_go, evicted = await bench.said()
    assert isinstance(held, HoldEntry)
    assert held.until is not None
    assert (let_go, evicted) == (HoldEntry(entry_id="e1"), EvictEntry(entry_id="e1"))


async def test_decisions_are_told_the_newest_last(stowage: Command, bench: Bench) -> None:
    out = (await stowage("cache", "why", "copy/c1", "-n", "5")).out
    assert out.splitlines()[1].endswith(caches.REASON)
    assert bench.bus.asked[0][0] == ListDecisions(subject_of="copy/c1", limit=5)


async def test_a_template_is_prefetched(stowage: Command, bench: Bench) -> None:
    await bench.handle(words.template("t1", ready=True), sequence=1)
    line = "template prefetch t1 --scope zone:z1 --hold 2h --priority 4"
    assert (await stowage(*line.split())).code == 0
    (said,) = await bench.said(PrefetchObject)
    assert isinstance(said, PrefetchObject)
    assert (said.scope, said.hold_seconds, said.priority) == (Scope.zone("z1"), 7200, 4)


async def test_a_store_is_demoted_once_its_owner_gave_it_up(stowage: Command, bench: Bench) -> None:
    await bench.handle(words.store("s1"), sequence=1)
    line = "store demote s1 --scope zone:z1 --id c9"
    demoting = asyncio.create_task(stowage(*line.split()))
    async with asyncio.timeout(20):
        while not await bench.said(DemoteStore):
            await asyncio.sleep(0.02)
    (said,) = await bench.said(DemoteStore)
    assert isinstance(said, DemoteStore)
    assert said.scope == Scope(type=ScopeType.ZONE, id="z1", zone_id="z1")
    await bench.handle(words.store("s1", state="Removed"), sequence=2)
    ended = await demoting
    assert (ended.code, "cache store c9" in ended.out) == (0, True)


async def test_a_store_is_copied_before_it_is_demoted(stowage: Command, bench: Bench) -> None:
    await bench.handle(words.store("s1"), sequence=1)
    demoting = asyncio.create_task(stowage("store", "demote", "s1", "--copy-first"))
    async with asyncio.timeout(20):
        while not await bench.said(DemoteStore):
            await asyncio.sleep(0.02)
    (said,) = await bench.said(DemoteStore)
    assert isinstance(said, DemoteStore)
    assert said.copy_first
    going = EvacuationView(
        removes=False,
        objects_total=1,
        objects_left=1,
        bytes_total=1,
        bytes_left=1,
        started=words.CREATED,
    )
    await bench.handle(words.store("s1", state="Draining", evacuation=going), sequence=2)
    assert "once all is copied" in (await demoting).out


async def test_a_demotion_that_is_refused_says_why(stowage: Command, bench: Bench) -> None:
    await bench.handle(words.store("s1"), sequence=1)
    demoting = asyncio.create_task(stowage("store", "demote", "s1"))
    async with asyncio.timeout(20):
        while not await bench.said(DemoteStore):
            await asyncio.sleep(0.02)
    error = Conflict("it holds the only replica of template/t1", code="only_replica").problem
    await bench.handle(words.store("s1", error=error), sequence=2)
    ended = await demoting
    assert (ended.code, "only replica" in ended.err) == (1, True)


async def test_a_policy_says_how_caches_are_used(stowage: Command, bench: Bench) -> None:
    line = "policy set z1 --caches always --caches-of kvm=never"
    assert (await stowage(*line.split())).code == 0
    (said,) = await bench.said(SetMotionPolicy)
    assert isinstance(said, SetMotionPolicy)
    assert said.policy.caches is CacheUse.ALWAYS
    assert said.policy.caches_of == {HypervisorKind.KVM: CacheUse.NEVER}
    assert "always, KVM never" in (await stowage("policy", "list")).out
    assert (await stowage("policy", "set", "z1", "--caches-of", "kvm=often")).code == 1
    assert (await stowage("policy", "set", "z1", "--caches", "often")).code == 2


async def test_vms_are_listed_until_they_are_gone(stowage: Command, bench: Bench) -> None:
    silent = caches.vm("v1", memory_bytes=64 << 20, silent_since=words.CREATED)
    await bench.handle(silent, sequence=1)
    row = (await stowage("vm", "list", "--fleet", "f1")).out.splitlines()[1]
    assert "starting (host silent)" in row
    assert row.endswith(caches.REASON)
    gone = caches.vm("v1", state=VmState.GONE, reason="idle for 10 minutes").state
    await bench.handle(TransportVmRemoved(state=gone), sequence=2)
    assert len((await stowage("vm", "list")).out.splitlines()) == 1
    assert json.loads((await stowage("vm", "show", "v1", "--json")).out)["state"] == "gone"


async def test_vms_are_watched_until_the_last_is_gone(
    stowage: Command, bench: Bench, capfd: pytest.CaptureFixture[str]
) -> None:
    watching = asyncio.create_task(stowage("vm", "watch", "--fleet", "f1", "--until-empty"))
    await printed(capfd, "fleet f1  has 0 of 3 VMs")
    wanted = DesiredCount(count=1, reason=caches.REASON)
    fleet = caches.fleet("f1", desired=wanted).state
    await bench.handle(CacheFleetChanged(state=fleet), sequence=2)
    await printed(capfd, "fleet f1  wants 1, has 0: 12.0 GiB queued")
    await bench.handle(caches.vm("v1"), sequence=1)
    await bench.handle(caches.vm("other", fleet_id="f2"), sequence=1)
    await printed(capfd, "vm v1  starting on h1: 12.0 GiB queued")
    await bench.handle(caches.vm("v1", state=VmState.OFFERED), sequence=2)
    gone = caches.vm("v1", state=VmState.GONE, reason="nothing is queued").state
    await bench.handle(TransportVmRemoved(state=gone), sequence=3)
    async with asyncio.timeout(20):
        ended = await watching
    assert ended.code == 0
    lines = [line.partition("  ")[2] for line in ended.out.splitlines()]
    assert lines[-2:] == ["vm v1  offered on h1", "vm v1  gone on h1: nothing is queued"]
