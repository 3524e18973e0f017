"""Events are kept for a sink that is behind, for so long; then it is told what it missed."""

from datetime import timedelta

from api_gateway import kept
from api_gateway.deps import Deps
from api_gateway.listeners import START
from stowage_runtime.testing.bench import ServiceBench
from stowage_runtime.testing.eventually import eventually

from tests.integration.sinks.conftest import Gateways
from tests.integration.sinks.receiver import Receiver
from tests.integration.sinks.test_webhooks import hook, say, shown
from tests.unit.api_gateway.api import Api

Bench = ServiceBench[Deps]


async def left(bench: Bench) -> int:
    async with bench.tx() as tx:
        return len(await kept.after(START, 100, kept.About(), tx))


async def test_what_a_sink_still_wants_is_kept_beyond_its_time(
    api: Api, bench: Bench, gateway: Gateways, receiver: Receiver
) -> None:
    await hook(api, receiver)
    await say(bench, 1)
    await bench.pass_time(timedelta(hours=2))
    await bench.run_timers("forget")
    assert await left(bench) == 1
    async with gateway():
        await receiver.has(1)
        await say(bench, 2)
        await receiver.has(2)
    await bench.pass_time(timedelta(hours=2))
    await bench.run_timers("forget")
    assert await left(bench) == 0


async def test_what_was_forgotten_is_told_as_a_gap(
    api: Api, bench: Bench, gateway: Gateways, receiver: Receiver
) -> None:
    sink = await hook(api, receiver, nouns=["zone"])
    for number in (1, 2):
        await say(bench, number)
    await bench.pass_time(timedelta(days=4))
    await bench.run_timers("forget")
    assert await left(bench) == 0
    await say(bench, 3)
    async with gateway():
        gap, event = await receiver.has(2)
        assert (gap["type"], gap["subject"]) == ("SinkGap", f"sink/{sink['id']}")
        assert gap["data"] == {
            "sink_id": sink["id"],
            "after": sink["position"],
            "until": gap["data"]["until"],
        }
        assert event["sequence"] == 3

        async def known() -> bool:
            found = await shown(api, sink)
            return bool(found["gap"] and found["lag_events"] == 0)

        await eventually(known)
        found = await shown(api, sink)
        assert found["gap"]["until"] == gap["data"]["until"]
        await say(bench, 4)
        await receiver.has(3)
    assert len(receiver.got) == 3


async def test_a_gap_is_told_until_it_was_taken(
    api: Api, bench: Bench, gateway: Gateways, receiver: Receiver
) -> None:
    answers = iter([500, 500])
    receiver.judge = lambda told: next(answers, 200)
    await hook(api, receiver)
    await say(bench, 1)
    await bench.pass_time(timedelta(days=4))
    await bench.run_timers("forget")
    async with gateway():
        (gap,) = await receiver.has(1)
    assert {got.told["id"] for got in receiver.got} == {gap["id"]}
    assert len(receiver.got) == 3


async def test_a_sink_made_after_events_were_forgotten_misses_nothing(
    api: Api, bench: Bench, gateway: Gateways, receiver: Receiver
) -> None:
    await say(bench, 1)
    await bench.pass_time(timedelta(days=4))
    await bench.run_timers("forget")
    await say(bench, 2)
    await hook(api, receiver, after="oldest")
    async with gateway():
        assert [event["type"] for event in await receiver.has(1)] == ["ZoneAdded"]


async def test_a_position_of_another_servers_count_begins_anew(
    api: Api, bench: Bench, gateway: Gateways, receiver: Receiver
) -> None:
    await say(bench, 1)
    await hook(api, receiver, after="999999999999-1")
    async with gateway():
        assert [event["sequence"] for event in await receiver.has(1)] == [1]
