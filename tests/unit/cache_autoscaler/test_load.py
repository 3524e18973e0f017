"""Load: what agents saw, the marks, and who is told when they are crossed."""

from stowage_contracts.messages.cache_autoscaler import CacheLoadHigh, CacheLoadLow, ReportCacheLoad
from stowage_contracts.messages.hypervisor_agent import CacheLoadReported
from stowage_contracts.views import CacheLoad

from tests.unit.cache_autoscaler.scene import MIB, Scene


async def seen(scene: Scene, rate: int, streams: int, host_id: str = "h1") -> None:
    """An agent's figures, and a look at them."""
    load = CacheLoad(store_id="k1", bytes_per_second=rate * MIB, streams=streams)
    await scene.bench.hear(
        CacheLoadReported(host_id=host_id, loads=(load,)), source=f"agent/{host_id}"
    )
    await scene.bench.run_timers("watch-load")


async def crossings(scene: Scene) -> list[str]:
    return [type(said).__name__ for said in await scene.bench.said(CacheLoadHigh, CacheLoadLow)]


async def test_each_crossing_is_said_once(scene: Scene) -> None:
    await scene.store()
    for rate in (10, 90, 95, 60, 85, 20, 10, 50, 90):
        await seen(scene, rate, 8)
    assert await crossings(scene) == ["CacheLoadHigh", "CacheLoadLow", "CacheLoadHigh"]


async def test_high_load_says_what_is_wanted_and_why(scene: Scene) -> None:
    await scene.store()
    await seen(scene, 90, 8)
    (said,) = await scene.bench.said(CacheLoadHigh)
    assert isinstance(said, CacheLoadHigh)
    assert (said.desired.count, said.desired.strategy) == (2, "forecast")
    assert "90%" in said.desired.reason
    assert said.load.streams == 8
    rows = await scene.sql("SELECT reason FROM cache_autoscaler.decisions WHERE kind = 'load'")
    assert [row["reason"] for row in rows] == [said.desired.reason]


async def test_hosts_add_up_and_old_figures_count_for_nothing(scene: Scene) -> None:
    await scene.store()
    await seen(scene, 45, 4, "h1")
    assert await crossings(scene) == []
    await seen(scene, 45, 4, "h2")
    assert await crossings(scene) == ["CacheLoadHigh"]
    await scene.pass_seconds(16)
    await scene.bench.run_timers("watch-load")
    assert await crossings(scene) == ["CacheLoadHigh", "CacheLoadLow"]


async def test_what_a_cache_has_shown_raises_the_mark(scene: Scene) -> None:
    await scene.store()
    await seen(scene, 1000, 1)
    await seen(scene, 300, 8)
    assert await crossings(scene) == []
    await seen(scene, 900, 8)
    assert await crossings(scene) == ["CacheLoadHigh"]


async def test_one_fast_stream_is_no_high_load(scene: Scene) -> None:
    await scene.store()
    await seen(scene, 500, 1)
    assert await crossings(scene) == []


async def test_what_waits_for_space_is_backlog(scene: Scene) -> None:
    await scene.store(room=10 * MIB)
    await scene.reserve("c1", "t1", 6 * MIB)
    await scene.reserve("c2", "t2", 7 * MIB)
    await seen(scene, 90, 8)
    (said,) = await scene.bench.said(CacheLoadHigh)
    assert isinstance(said, CacheLoadHigh)
    assert said.load.backlog_bytes == 13 * MIB


async def test_a_foreign_report_counts_at_once(scene: Scene) -> None:
    await scene.store()
    load = CacheLoad(store_id="k1", bytes_per_second=99 * MIB, streams=40)
    (said,) = await scene.bench.handle(ReportCacheLoad(load=load, reason="nagios says so"))
    assert isinstance(said, CacheLoadHigh)
    rows = await scene.sql("SELECT reason FROM cache_autoscaler.decisions ORDER BY id")
    assert "nagios says so" in rows[0]["reason"]


async def test_figures_of_an_unknown_cache_are_of_no_use(scene: Scene) -> None:
    load = CacheLoad(store_id="nobody", bytes_per_second=1, streams=1)
    await scene.bench.hear(CacheLoadReported(host_id="h1", loads=(load,)), source="agent/h1")
    assert await scene.bench.handle(ReportCacheLoad(load=load, reason="x")) == []
    assert await scene.sql("SELECT FROM cache_autoscaler.samples") == []


async def test_old_reasons_are_forgotten(scene: Scene) -> None:
    await scene.store()
    await scene.reserve("c1")
    await scene.pass_seconds(31 * 86400)
    await scene.bench.run_timers("forget")
    assert await scene.sql("SELECT FROM cache_autoscaler.decisions") == []
