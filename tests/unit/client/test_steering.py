"""Copies and hosts are steered by command, and the timeline is read."""

import json
from datetime import UTC, datetime

from api_gateway.deps import Deps
from stowage_contracts.messages.data_motion import ChangeCopy, PauseCopy, RerouteCopy, ResumeCopy
from stowage_contracts.views import HostDrain, Moment
from stowage_runtime.testing.bench import ServiceBench

from tests.unit.api_gateway import words
from tests.unit.client.conftest import Command

Bench = ServiceBench[Deps]
MOMENTS = (
    Moment(at=datetime(2026, 1, 1, tzinfo=UTC), what="moving", text="hop 1 on host h1"),
    Moment(at=datetime(2026, 1, 1, tzinfo=UTC), what="lost", text="host h1 restarted"),
)


async def test_every_verb_says_its_order(stowage: Command, bench: Bench) -> None:
    await bench.handle(words.planned("c1"))
    await bench.handle(words.host("h2"))
    for line in (
        ["pause", "c1", "--reason", "busy"],
        ["resume", "c1"],
        ["change", "c1", "--priority", "5", "--speed", "20M"],
        ["change", "c1", "--speed", "0"],
        ["reroute", "c1", "--to", "h2"],
    ):
        assert (await stowage("copy", *line)).code == 0
    kinds = (PauseCopy, ResumeCopy, ChangeCopy, RerouteCopy)
    assert await bench.said(*kinds) == [
        PauseCopy(copy_id="c1", reason="busy"),
        ResumeCopy(copy_id="c1"),
        ChangeCopy(copy_id="c1", priority=5, bytes_per_second=20 << 20),
        ChangeCopy(copy_id="c1", bytes_per_second=0),
        RerouteCopy(copy_id="c1", host_id="h2"),
    ]


async def test_a_change_of_nothing_is_refused_before_it_is_sent(stowage: Command) -> None:
    ended = await stowage("copy", "change", "c1")
    assert (ended.code, "give --priority or --speed" in ended.err) == (1, True)


async def test_the_timeline_is_a_table_and_part_of_show(stowage: Command, bench: Bench) -> None:
    await bench.handle(words.planned("c1", timeline=MOMENTS))
    lines = (await stowage("copy", "timeline", "c1")).out.splitlines()
    assert lines[1].split()[2:] == ["moving", "hop", "1", "on", "host", "h1"]
    shown = (await stowage("copy", "show", "c1")).out
    assert "lost  host h1 restarted" in shown
    as_json = json.loads((await stowage("copy", "timeline", "c1", "--json")).out)
    assert [moment["what"] for moment in as_json] == ["moving", "lost"]


async def test_a_drain_can_be_waited_for_and_ended(stowage: Command, bench: Bench) -> None:
    drained = HostDrain(reason="new kernel", hops_left=0)
    await bench.handle(words.host("h1", drain=drained))
    assert (await stowage("host", "drain", "h1", "--reason", "new kernel", "--wait")).code == 0
    assert "new kernel" in (await stowage("host", "show", "h1")).out
    assert "new kernel: 0 hops left" in (await stowage("host", "list")).out
    assert (await stowage("host", "drain", "h1", "--end")).code == 0
