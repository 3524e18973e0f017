"""What the caches count is what happened."""

import re

from stowage_contracts.messages.cache_autoscaler import EvictEntry
from stowage_runtime.telemetry.metrics import exposition, start_metrics

from tests.unit.cache_autoscaler.scene import MIB, Scene


def counted(name: str, **labels: str) -> float:
    """The sum of a metric over the series that carry these labels."""
    told = [f'{label}="{value}"' for label, value in labels.items()]
    found = re.findall(
        rf"^stowage_cache_{name}(?:\{{(.*?)\}})? (\S+)$", exposition().decode(), re.M
    )
    return sum(float(value) for series, value in found if all(one in series for one in told))


async def test_hits_misses_waits_refills_and_bytes_are_counted(scene: Scene) -> None:
    start_metrics()
    names = ("misses_total", "hits_total", "waits_total", "refills_total", "filled_bytes_total")
    before = {name: counted(name) for name in (*names, "served_bytes_total")}
    asked = counted("evictions_total", reason="asked")
    await scene.store(room=10 * MIB)
    reply = await scene.reserve("c1")
    await scene.reserve("c2")
    await scene.reserve("c2")
    await scene.completed(await scene.finish(reply, "t1"))
    await scene.reserve("c2")
    await scene.bench.run_timers("measure")
    assert counted("pinned_bytes", store="k1") == 1000
    assert counted("entries", store="k1", state="ready") == 1
    assert reply.entry_id is not None
    await scene.sql("DELETE FROM cache_autoscaler.pins")
    await scene.bench.handle(EvictEntry(entry_id=reply.entry_id))
    await scene.intents()
    await scene.reserve("c3")
    after = {name: counted(name) - value for name, value in before.items()}
    assert after == {
        "misses_total": 2,
        "hits_total": 1,
        "waits_total": 1,
        "refills_total": 1,
        "filled_bytes_total": 1000,
        "served_bytes_total": 1000,
    }
    assert counted("evictions_total", reason="asked") - asked == 1
    await scene.bench.run_timers("measure")
    assert counted("entries", store="k1", state="ready") == 0
