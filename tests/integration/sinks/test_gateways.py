"""Several gateways: one delivers for each sink, another takes over, and nothing is lost."""

import asyncio
from typing import Any

from api_gateway.deps import Deps
from stowage_runtime.testing.bench import ServiceBench
from stowage_runtime.testing.eventually import eventually

from tests.integration.sinks.conftest import Gateways
from tests.integration.sinks.receiver import Receiver
from tests.integration.sinks.test_webhooks import hook, say
from tests.unit.api_gateway.api import Api

Bench = ServiceBench[Deps]


async def owners(bench: Bench) -> set[str]:
    async with bench.database.connection() as connection:
        return {row["owner"] for row in await connection.fetch("SELECT owner FROM sinks")}


async def test_of_two_gateways_one_delivers(
    api: Api, bench: Bench, gateway: Gateways, receiver: Receiver
) -> None:
    await hook(api, receiver)
    async with gateway(), gateway(mine=False):
        await asyncio.gather(*(say(bench, n, z) for n in (1, 2, 3) for z in ("z1", "z2")))
        await receiver.has(6)
        assert len(await owners(bench)) == 1
    assert len(receiver.got) == 6
    receiver.check_order()


async def test_one_that_stops_leaves_its_sinks_to_another_at_once(
    api: Api, bench: Bench, gateway: Gateways, receiver: Receiver
) -> None:
    await hook(api, receiver)
    async with gateway(mine=False, lease=60):
        await say(bench, 1)
        await receiver.has(1)
    assert await owners(bench) == {""}
    async with gateway(lease=60):
        await say(bench, 2)
        await receiver.has(2)
    assert len(receiver.got) == 2


async def test_one_killed_in_mid_delivery_loses_its_lease_and_nothing_is_lost(
    api: Api, bench: Bench, gateway: Gateways, receiver: Receiver, monkeypatch: Any
) -> None:
    await hook(api, receiver)
    receiver.hang = asyncio.Event()
    killed = await _killed(gateway, bench, receiver)
    receiver.hang.set()
    receiver.hang = None
    async with gateway(lease=1, mine=False):
        await receiver.has(3)
    receiver.check_order()
    assert await owners(bench) == {""}
    assert killed not in await owners(bench)


async def _killed(gateway: Gateways, bench: Bench, receiver: Receiver) -> str:
    """A gateway that dies while it waits for an answer, without a word; who it was."""
    async with gateway(lease=1, mine=False) as first:
        for number in (1, 2, 3):
            await say(bench, number)
        await eventually(lambda: receiver.hanging > 0)
        (owner,) = await owners(bench)
        for each in first._running.values():
            each.task.cancel()
    async with bench.database.connection() as connection:  # as if it had never said good-bye
        await connection.execute(
            "UPDATE sinks SET owner = $1, leased_until = now() + interval '0.7 seconds'", owner
        )
    return owner


async def test_one_that_lost_its_lease_says_nothing_more(
    api: Api, bench: Bench, gateway: Gateways, receiver: Receiver
) -> None:
    await hook(api, receiver)
    async with gateway(lease=60):
        await say(bench, 1)
        await receiver.has(1)
        async with bench.database.connection() as connection:
            await connection.execute(
                "UPDATE sinks SET owner = 'another', leased_until = now() + interval '1 hour'"
            )
        await say(bench, 2)
        assert await owners(bench) == {"another"}
    assert len(receiver.got) == 1


async def test_the_gateway_itself_runs_it(
    api: Api, bench: Bench, gateway: Gateways, receiver: Receiver
) -> None:
    loops = bench.service.loops
    assert "sinks" in loops
    await hook(api, receiver)
    loop = loops["sinks"](lambda: bench.desk)
    task = asyncio.create_task(loop.run())
    await say(bench, 1)
    await receiver.has(1)
    loop.stop()
    await asyncio.wait_for(task, 10)
