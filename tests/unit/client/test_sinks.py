"""stowage sink."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from api_gateway.deps import Deps
from api_gateway.settings import Settings
from pydantic import SecretStr
from stowage_client import Client
from stowage_runtime.testing.bench import ServiceBench

from tests.integration.sinks.receiver import Receiver, receiving
from tests.unit.api_gateway import words
from tests.unit.api_gateway.conftest import ADMIN_KEY
from tests.unit.client.conftest import Command

Bench = ServiceBench[Deps]


@pytest.fixture
def settings(made_keys: dict[str, str], database_url: str) -> Settings:
    return Settings.read(
        database_url=SecretStr(database_url),
        admin_api_key=SecretStr(ADMIN_KEY),
        sink_allow=("127.0.0.0/8",),
        **made_keys,
    )


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as found:
        yield found


async def test_a_sink_lives_its_life_on_the_command_line(
    stowage: Command, bench: Bench, receiver: Receiver, tmp_path: Path
) -> None:
    url = tmp_path / "url"
    url.write_text(receiver.url)
    line = f"--json sink add webhook hook --to @{url} --noun zone --type ZoneAdded --rate 5 --id k"
    ended = await stowage(*line.split())
    assert ended.code == 0, ended
    made = json.loads(ended.out)
    assert made["secret"].startswith("whsec_")
    await bench.handle(words.zone("z1"), sequence=1)
    listed = (await stowage("sink", "list")).out.splitlines()
    assert listed[1].split()[:5] == ["k", "hook", "webhook", made["target"], "active"]
    assert (await stowage("sink", "test", "k")).code == 0
    receiver.judge = lambda told: 500
    failed = await stowage("sink", "test", "k")
    assert failed.code == 1
    assert "it answered 500" in failed.err
    assert "paused" in (await stowage("sink", "pause", "k")).out
    assert "active" in (await stowage("sink", "resume", "k")).out
    changed = json.loads((await stowage("--json", "sink", "change", "k", "--noun", "all")).out)
    assert (changed["nouns"], changed["types"], changed["rate"]) == ([], ["ZoneAdded"], 5)
    moved = await stowage("sink", "redeliver", "k", "--after", "oldest")
    assert "0-0" in moved.out
    assert (await stowage("sink", "redeliver", "k", "--since", "2020-01-01")).code == 0
    rotated = json.loads((await stowage("--json", "sink", "rotate", "k", "--keep", "60")).out)
    assert rotated["secret"] != made["secret"]
    assert (await stowage("sink", "remove", "k")).code == 0
    assert (await stowage("sink", "show", "k")).code == 1


async def test_a_secret_does_not_stand_on_the_line(stowage: Command) -> None:
    line = "sink add webhook hook --to https://hooks.example/x --secret 0123456789abcdef"
    ended = await stowage(*line.split())
    assert ended.code == 1
    assert "must not stand on the command line" in ended.err


async def test_the_client_has_sinks_too(client: Client) -> None:
    made = await client.sinks.add("hook", "webhook", url="https://hooks.example/x?token=canary")
    assert [sink.id async for sink in client.sinks.list()] == [made.id]
    assert (await client.sinks.show(made.id)).target == "https://hooks.example/x"
    paused = await client.sinks.pause(made.id)
    assert (paused.state, paused.lag_events) == ("paused", 0)
