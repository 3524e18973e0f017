"""What a fleet wants: its load, who waits for it, words from outside, and its daily rhythm."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from cache_autoscaler.keeping import keep_fleet
from stowage_contracts.caching import VmPhase
from stowage_contracts.errors import NotFound
from stowage_contracts.messages.cache_autoscaler import (
    CacheLoadHigh,
    ExplainFleet,
    FleetExplained,
    ReportCacheLoad,
)
from stowage_contracts.messages.hypervisor_agent import CacheLoadReported
from stowage_contracts.plugins.autoscale_strategy import AutoscaleAsk
from stowage_contracts.views import CacheLoad, DesiredCount

from tests.unit.cache_autoscaler.fleets_scene import Fleets
from tests.unit.cache_autoscaler.scene import MIB, Scene


@pytest.fixture
def fleets(scene: Scene) -> Fleets:
    return Fleets(scene)


class Recorder:
    """A strategy that wants what it is told to, and remembers what it was asked."""

    name = "recorder"

    def __init__(self) -> None:
        self.asked: list[AutoscaleAsk] = []
        self.count = 0

    def desired(self, ask: AutoscaleAsk) -> DesiredCount:
        self.asked.append(ask)
        if self.count < 0:
            raise ValueError("no idea")
        return DesiredCount(count=self.count, reason=f"{self.count} told", strategy=self.name)


@pytest.fixture
def recorder(scene: Scene) -> Recorder:
    """Installed as a stranger's plug-in would be."""
    made = Recorder()
    scene.bench.service.deps.strategies["recorder"] = made
    return made


async def load(fleets: Fleets, store_id: str, rate: int, streams: int = 8) -> None:
    """An agent's figures of one store."""
    seen = CacheLoad(store_id=store_id, bytes_per_second=rate * MIB, streams=streams)
    signal = CacheLoadReported(host_id="h1", loads=(seen,))
    await fleets.scene.bench.hear(signal, source="agent/h1")
    await fleets.scene.bench.run_timers("watch-load")


async def test_who_waits_for_a_fleet_without_a_store_is_told_and_makes_it_spawn(
    fleets: Fleets,
) -> None:
    await fleets.host()
    await fleets.wish(minimum=0)
    assert await fleets.spawns() == []
    reply = await fleets.scene.reserve("c1", size=5 * MIB)
    assert reply.answer == "wait"
    assert "a transport VM of fleet fleet is being started" in reply.reason
    await fleets.tick()
    assert len(await fleets.spawns()) == 1
    assert (await fleets.told())[-1].backlog_bytes == 5 * MIB
    await fleets.offered()
    assert (await fleets.scene.reserve("c1", size=5 * MIB)).answer == "fill"
    assert await fleets.scene.sql("SELECT FROM cache_autoscaler.fleet_waits") == []


async def test_a_strategy_hears_how_many_copies_wait(fleets: Fleets, recorder: Recorder) -> None:
    await fleets.host()
    await fleets.wish(minimum=0, strategy="recorder")
    await fleets.scene.reserve("c1", size=5 * MIB)
    await fleets.scene.reserve("c2", "t2", size=7 * MIB)
    await fleets.tick()
    heard = recorder.asked[-1]
    assert (heard.backlog_bytes, heard.backlog_copies) == (12 * MIB, 2)


async def test_nobody_waits_for_a_fleet_that_can_not_help(fleets: Fleets) -> None:
    await fleets.wish(minimum=0, maximum=0)
    assert (await fleets.scene.reserve("c1")).answer == "none"
    await fleets.wish(minimum=0, vm={"disk_bytes": 16 * MIB})
    assert (await fleets.scene.reserve("c1", size=20 * MIB)).answer == "none"


async def test_a_busy_store_makes_its_fleet_grow_and_says_so_once(fleets: Fleets) -> None:
    await fleets.host()
    await fleets.wish(strategy="threshold")
    (vm_id,) = await fleets.offered()
    await load(fleets, vm_id, 95)
    await fleets.tick(0, "h1")
    assert len(await fleets.spawns()) == 2
    await load(fleets, vm_id, 96)
    assert len(await fleets.scene.bench.said(CacheLoadHigh)) == 1
    assert [view.desired.count for view in await fleets.told() if view.desired][-1] == 2


async def test_a_wish_is_decided_only_when_it_changes(fleets: Fleets, recorder: Recorder) -> None:
    await fleets.host()
    await fleets.wish(minimum=0, strategy="recorder")
    for count in (1, 1, 2, 2, 1):
        recorder.count = count
        await fleets.tick(6, "h1")
    assert await fleets.why("desired") == ["0 told", "1 told", "2 told", "1 told"]


async def test_a_strategy_that_fails_changes_nothing_and_is_named(
    fleets: Fleets, recorder: Recorder
) -> None:
    await fleets.host()
    await fleets.wish(strategy="recorder")
    (vm_id,) = await fleets.offered()
    recorder.count = -1
    await fleets.tick(700, "h1")
    assert await fleets.vms() == {vm_id: "offered"}
    view = (await fleets.told())[-1]
    assert view.desired is not None
    assert "no idea" in view.desired.reason


async def test_spares_are_no_part_of_what_works(fleets: Fleets, recorder: Recorder) -> None:
    await fleets.host()
    await fleets.wish(minimum=0, spare=1, strategy="recorder")
    await fleets.offered()
    await fleets.tick()
    assert len(await fleets.vms()) == 1
    assert recorder.asked[-1].current == 0


async def test_a_word_from_outside_counts_at_once_and_within_the_limits(
    fleets: Fleets, recorder: Recorder
) -> None:
    await fleets.host()
    await fleets.wish(strategy="recorder")
    much = CacheLoad(store_id="f1", bytes_per_second=1e15, streams=9, backlog_bytes=1 << 60)
    recorder.count = 99
    await fleets.scene.bench.handle(ReportCacheLoad(load=much, reason="nagios says so"))
    (heard,) = recorder.asked[-1].loads
    assert heard.bytes_per_second == heard.shown_bytes_per_second
    assert heard.backlog_bytes < 1 << 50
    assert len(await fleets.spawns()) == 3
    assert "nagios says so" in (await fleets.why("load"))[0]
    await fleets.tick(16, "h1")
    assert recorder.asked[-1].loads == ()


async def test_a_stranger_does_not_teach_what_a_store_can_do(fleets: Fleets) -> None:
    await fleets.host()
    await fleets.wish()
    (vm_id,) = await fleets.offered()
    much = CacheLoad(store_id=vm_id, bytes_per_second=1e15, streams=9)
    await fleets.scene.bench.handle(ReportCacheLoad(load=much, reason="x"))
    (row,) = await fleets.scene.sql(
        "SELECT shown_bytes_per_second AS shown FROM cache_autoscaler.cache_stores"
    )
    assert row["shown"] <= 100 * MIB


async def test_the_daily_rhythm_is_the_mean_of_the_days_before(
    fleets: Fleets, recorder: Recorder
) -> None:
    await fleets.host()
    await fleets.wish(strategy="recorder")
    (vm_id,) = await fleets.offered()
    assert not recorder.asked[-1].usual
    now = await fleets.now()
    midnight = now.replace(hour=0, minute=0, second=0) + timedelta(days=1)
    await fleets.tick((midnight - now).total_seconds() + 3600, "h1")
    for _ in range(3):
        await load(fleets, vm_id, 90)
        await fleets.tick(10, "h1")
    await fleets.tick(86400, "h1")
    told = recorder.asked[-1].usual
    usual = {each.minute: each.bytes_per_second for each in told}
    assert len(usual) == 96
    assert usual[60] == pytest.approx(3 * 10 * 90 * MIB / 900, rel=0.4)
    assert usual[600] == 0
    assert told[0].days == 1


async def test_spawning_is_known_by_what_it_took(fleets: Fleets, recorder: Recorder) -> None:
    await fleets.host()
    await fleets.wish(strategy="recorder")
    assert recorder.asked[-1].spawn_seconds == 60
    await fleets.scene.pass_seconds(20)
    await fleets.offered()
    await fleets.tick()
    assert recorder.asked[-1].spawn_seconds == pytest.approx(40, abs=3)


async def test_explain_tells_every_strategy_and_what_it_waits_for(
    fleets: Fleets, recorder: Recorder
) -> None:
    await fleets.wish(strategy="recorder")
    await fleets.tick()
    told = await fleets.scene.bench.ask(ExplainFleet(fleet_id="f1"))
    assert isinstance(told, FleetExplained)
    assert told.answers[0].strategy == "recorder"
    assert {"threshold", "backlog", "forecast"} <= {each.strategy for each in told.answers}
    assert "none in its scope runs transport VMs" in told.doing
    assert told.decisions[0].kind == "desired"
    await fleets.host()
    await fleets.tick(6, "h1")
    told = await fleets.scene.bench.ask(ExplainFleet(fleet_id="f1"))
    assert isinstance(told, FleetExplained)
    assert told.decisions[0].kind == "spawn"


async def test_an_unknown_fleet_has_no_explanation(fleets: Fleets) -> None:
    with pytest.raises(NotFound):
        await fleets.scene.bench.ask(ExplainFleet(fleet_id="f9"))


async def test_two_controllers_at_once_spawn_once(fleets: Fleets) -> None:
    await fleets.wish(minimum=2)
    await fleets.host()

    async def one() -> None:
        async with fleets.scene.bench.tx() as tx:
            await keep_fleet(tx, "f1", fleets.scene.bench.service.deps)

    await asyncio.gather(one(), one(), one())
    assert len(await fleets.spawns()) == 2


async def test_settings_say_how_patient_the_controller_is(fleets: Fleets) -> None:
    bench = fleets.scene.bench
    deps = bench.service.deps
    changed = deps.settings.model_copy(update={"fleet_starting_seconds": 5.0})
    bench.service = replace(bench.service, deps=replace(deps, settings=changed))
    await fleets.host()
    await fleets.wish()
    (order,) = await fleets.spawns()
    await fleets.report(order.vm_id, VmPhase.STARTING)
    await fleets.tick(6, "h1")
    assert (await fleets.vms())[order.vm_id] == "destroying"


async def test_a_calm_fleet_is_left_alone_for_a_while(fleets: Fleets, recorder: Recorder) -> None:
    await fleets.host()
    await fleets.wish(strategy="recorder")
    await fleets.offered()
    await fleets.tick(1, "h1")
    asked = len(recorder.asked)
    await fleets.tick(2, "h1")
    assert len(recorder.asked) == asked
    await fleets.tick(4, "h1")
    assert len(recorder.asked) == asked + 1
