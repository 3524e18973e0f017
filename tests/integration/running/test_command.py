"""The command line: migrate, check, run until SIGTERM, dead letters; errors in one line."""

import asyncio
import json
import signal
from collections.abc import AsyncIterator

import pytest
from stowage_contracts.envelope import Envelope
from stowage_contracts.messages.image_store import AddPod, AddZone
from stowage_contracts.topology import Topology
from stowage_runtime.bus.rabbit import RabbitBus

from tests.integration.running.conftest import Toy, get, until
from tests.unit.runtime.toy import NAME


@pytest.fixture
async def bus(rabbitmq_url: str, bus_prefix: str) -> AsyncIterator[RabbitBus]:
    """The test's own end of the bus."""
    found = await RabbitBus(rabbitmq_url, Topology(bus_prefix)).ready()
    yield found
    await found.close()


async def started(process: asyncio.subprocess.Process) -> int:
    """The port of a service that has started."""
    assert process.stderr is not None
    async with asyncio.timeout(60):
        async for raw in process.stderr:
            line = json.loads(raw)
            if line["event"] == "service.started":
                return int(line["port"])
    raise AssertionError("it ended before it started")


async def ready(port: int) -> bool:
    return (await get(port, "/readyz"))[0] == 200


async def test_migrate_check_run_stop(process: Toy) -> None:
    code, _, err = await process.run("check")
    assert (code, err) == (1, "")
    code, out, _ = await process.run("migrate")
    assert (code, "toy/0001_initial" in out) == (0, True)
    assert (await process.run("migrate"))[:2] == (0, "")
    assert (await process.run("check"))[:2] == (0, "database: ok\nbroker: ok\n")
    serving = await process.start("run")
    port = await started(serving)
    await until(lambda: ready(port))
    serving.send_signal(signal.SIGTERM)
    _, rest = await asyncio.wait_for(serving.communicate(), 30)
    assert (serving.returncode, json.loads(rest.splitlines()[-1])["event"]) == (
        0,
        "service.stopped",
    )


async def test_run_refuses_a_database_nobody_migrated(process: Toy) -> None:
    code, out, err = await process.run("run")
    assert (code, out) == (1, "")
    assert err.splitlines()[-1].startswith("conflict.not_migrated: toy:")
    assert "`migrate`" in err


async def test_run_migrates_when_told_to(process: Toy) -> None:
    serving = await process.start("run", STOWAGE_MIGRATE_ON_START="1")
    port = await started(serving)
    await until(lambda: ready(port))


async def test_check_names_each_dependency_that_fails(process: Toy) -> None:
    code, out, _ = await process.run(
        "check",
        STOWAGE_DATABASE_URL="postgresql://me:canary@127.0.0.1:1/x",
        STOWAGE_AMQP_URL="amqp://me:canary@127.0.0.1:1/",
    )
    lines = out.splitlines()
    assert (code, len(lines)) == (1, 2)
    assert lines[0].startswith("database: unavailable.database:")
    assert lines[1].startswith("broker: unavailable.broker:")
    assert "canary" not in out


async def test_a_missing_or_bad_setting_is_named(process: Toy) -> None:
    code, _, err = await process.run("run", STOWAGE_AMQP_URL="")
    assert (code, "STOWAGE_AMQP_URL is not set" in err) == (1, True)
    code, _, err = await process.run("run", STOWAGE_HTTP_PORT="canary")
    assert (code, "STOWAGE_HTTP_PORT" in err, "canary" in err) == (1, True, False)


async def test_wrong_usage_exits_with_two(process: Toy) -> None:
    assert (await process.run("fly"))[0] == 2


async def test_openapi_prints_the_description(process: Toy) -> None:
    _, out, _ = await process.run("openapi")
    assert "/readyz" in json.loads(out)["paths"]


async def test_a_second_instance_on_the_same_port_says_so(process: Toy) -> None:
    first = await process.start("run", STOWAGE_MIGRATE_ON_START="1")
    port = await started(first)
    code, _, err = await process.run("run", STOWAGE_HTTP_PORT=str(port))
    assert (code, "conflict.port" in err.splitlines()[-1]) == (1, True)


async def test_stopping_in_mid_intent_ends_in_time(process: Toy, bus: RabbitBus) -> None:
    serving = await process.start("run", STOWAGE_MIGRATE_ON_START="1", TOY_SURVEYS="hang")
    port = await started(serving)
    await until(lambda: ready(port))
    said = Envelope.of(AddPod(pod_id="p1", zone_id="z1", name="pod"), source="api-gateway")
    await bus.send(said, to=NAME)
    serving.send_signal(signal.SIGTERM)
    assert await asyncio.wait_for(serving.wait(), 15) == 0


async def test_a_dead_letter_is_listed_shown_and_replayed(process: Toy, bus: RabbitBus) -> None:
    await process.run("migrate")
    serving = await process.start("run")
    await started(serving)
    bad = Envelope.of(AddZone(zone_id="z1", name="zone"), source="api-gateway")
    await bus.send(bad.model_copy(update={"data": {"zone_id": "/"}}), to=NAME)

    async def listed() -> str:
        return (await process.run("dead-letters", "list"))[1]

    line: str = await until(listed, 60)
    assert "AddZone zone/z1 after 1: invalid.malformed: zone_id" in line
    code, out, _ = await process.run("dead-letters", "show", line.split()[0])
    assert (code, json.loads(out)["reason"]["code"]) == (0, "invalid.malformed")
    code, out, _ = await process.run("dead-letters", "replay", "--all")
    assert (code, out) == (0, "replayed 1\n")
    code, _, err = await process.run("dead-letters", "show", "nobody")
    assert (code, err.startswith("not_found.dead_letter:")) == (1, True)
