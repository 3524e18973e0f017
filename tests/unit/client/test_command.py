"""The `stowage` command against a real gateway."""

import asyncio
import json
from pathlib import Path

import pytest
from api_gateway.deps import Deps
from pydantic import SecretStr
from stowage_client import Client
from stowage_client.commands.shell import hoisted
from stowage_contracts.errors import NotFound
from stowage_contracts.messages.image_store import AddStore
from stowage_runtime.secrets import Opener
from stowage_runtime.testing.bench import ServiceBench

from tests.unit.api_gateway import words
from tests.unit.api_gateway.test_read_models import progress
from tests.unit.client.conftest import Command, printed

Bench = ServiceBench[Deps]


async def test_places_are_added_and_listed(stowage: Command) -> None:
    assert (await stowage("zone", "add", "one", "--id", "z1")).code == 0
    assert (await stowage("pod", "add", "pod", "--zone", "z1", "--id", "p1")).code == 0
    assert (await stowage("cluster", "add", "c", "--pod", "p1", "--id", "c1")).code == 0
    listed = await stowage("cluster", "list")
    assert listed.out.split()[-5:] == ["c1", "c", "z1", "p1", "KVM"]
    as_json = json.loads((await stowage("cluster", "list", "--json")).out)
    assert [row["id"] for row in as_json] == ["c1"]


async def test_a_host_prints_its_token_once(stowage: Command) -> None:
    made = json.loads((await stowage("host", "add", "mover", "--id", "h1", "--json")).out)
    assert made["join_token"]
    renewed = (await stowage("host", "token", "h1")).out.strip()
    assert renewed
    assert renewed != made["join_token"]
    assert renewed not in (await stowage("host", "list")).out


async def test_a_problem_is_told_with_cause_and_hint(stowage: Command) -> None:
    ended = await stowage("copy", "show", "nobody")
    assert ended.code == 1
    assert ended.err.splitlines()[:2] == ["error: not_found (copy/nobody)", "cause: no such copy"]
    told = json.loads((await stowage("copy", "show", "nobody", "--json")).err)
    assert told["code"] == "not_found"


async def test_without_a_key_the_command_says_how_to_give_one(
    stowage: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("STOWAGE_API_KEY")
    ended = await stowage("zone", "list")
    assert ended.code == 1
    assert "STOWAGE_API_KEY" in ended.err


async def test_wrong_usage_ends_with_2(stowage: Command) -> None:
    assert (await stowage("zone", "fly")).code == 2


async def test_secrets_come_from_files_the_environment_or_stdin(
    stowage: Command,
    bench: Bench,
    made_keys: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "key").write_text("from-file\n")
    monkeypatch.setenv("THE_SECRET", "from-environment")
    options = ["--secret", f"a=@{tmp_path / 'key'}", "--secret", "b=env:THE_SECRET"]
    ended = await stowage(
        "store",
        "add",
        "s3",
        "-p",
        "S3",
        "--id",
        "s1",
        "--set",
        "bucket=images",
        "--set",
        "port=9000",
        *options,
        "--bare-secret",
        "c=insisted",
        "--no-wait",
    )
    assert ended.code == 0, ended.err
    (said,) = await bench.said(AddStore)
    assert isinstance(said, AddStore)
    assert said.settings == {"bucket": "images", "port": 9000}
    opener = Opener(SecretStr(made_keys["seal_private_key_image_store"]))
    opened = json.loads(opener.open(said.sealed, "image_data_store/s1"))
    assert opened == {"a": "from-file", "b": "from-environment", "c": "insisted"}


async def test_a_secret_on_the_line_is_refused_without_repeating_it(stowage: Command) -> None:
    ended = await stowage("store", "add", "s3", "-p", "S3", "--secret", "key=canary")
    assert ended.code == 1
    assert "canary" not in ended.err
    assert "key=@file" in ended.err


async def test_a_store_that_fails_its_probe_fails_the_command(
    stowage: Command, bench: Bench
) -> None:
    adding = asyncio.create_task(stowage("store", "add", "s", "-p", "directory", "--id", "s1"))
    while not await bench.said(AddStore):
        await asyncio.sleep(0.02)
    checks = [{"name": "write", "ok": False, "code": "read_only", "cause": "it is read-only"}]
    error = NotFound("the store cannot be written", hint="mount it rw").problem
    rejected = words.store("s1", state="Removed", checks=checks, error=error)
    await bench.handle(rejected, sequence=1)
    ended = await adding
    assert ended.code == 1
    assert "FAIL write it is read-only" in ended.out
    assert "hint: mount it rw" in ended.err


async def test_a_template_is_registered_and_waited_for(
    stowage: Command, client: Client, bench: Bench
) -> None:
    adding = asyncio.create_task(
        stowage("template", "register", "disk", "http://i/d", "-f", "raw", "--id", "t1", "--wait")
    )
    while not (copies := await _copies(client)):
        await asyncio.sleep(0.02)
    await bench.handle(words.planned(copies[0], state="done"), sequence=1)
    await bench.handle(words.template("t1", ready=True, size=1 << 20), sequence=1)
    ended = await adding
    assert ended.code == 0, ended.err
    assert "disk (t1) is ready: 1.0 MiB" in ended.out


async def _copies(client: Client) -> list[str]:
    return [copy.id async for copy in client.copies.list()]


async def test_a_copy_is_watched_in_plain_lines(
    stowage: Command, bench: Bench, capfd: pytest.CaptureFixture[str]
) -> None:
    await bench.handle(words.planned("c1"), sequence=1)
    watching = asyncio.create_task(stowage("copy", "watch", "c1"))
    assert await printed(capfd, "\n") == "c1: planned  0%  0 B/100 B\n"
    await bench.hear(progress(40))
    assert "c1: running  40%  40 B/100 B  5 B/s  eta -" in await printed(capfd, "running")
    await bench.handle(words.planned("c1", state="done"), sequence=2)
    ended = await watching
    assert (ended.code, ended.out.split()[1]) == (0, "done")


async def test_a_failed_copy_fails_the_command_with_its_reason(
    stowage: Command, bench: Bench
) -> None:
    error = NotFound("the source is gone", resource="template/t1").problem
    await bench.handle(words.planned("c1", state="failed", error=error), sequence=1)
    ended = await stowage("copy", "watch", "c1", "--json")
    assert ended.code == 1
    assert json.loads(ended.out)["state"] == "failed"
    assert json.loads(ended.err)["cause"] == "the source is gone"


async def test_explain_lists_every_answer(stowage: Command, bench: Bench) -> None:
    answers = [
        {"strategy": "direct", "priority": 1, "reason": "both ends reach it", "chosen": True},
        {"strategy": "via-cache", "priority": 0, "reason": "no need", "missing": "a cache"},
    ]
    await bench.handle(words.planned("c1", answers=answers), sequence=1)
    lines = (await stowage("copy", "explain", "c1")).out.splitlines()
    assert lines[1] == "* direct (1): both ends reach it"
    assert lines[2] == "  via-cache (0): no need; missing: a cache"


async def test_events_are_printed_as_they_were_kept(stowage: Command, bench: Bench) -> None:
    await bench.handle(words.zone("z1"), sequence=1)
    ended = await stowage("events", "--after", "0-0", "--count", "1")
    assert ended.out.split()[1:] == ["ZoneAdded", "zone/z1"]


def test_global_options_may_stand_anywhere() -> None:
    assert hoisted(["zone", "list", "--json", "--url", "http://x"]) == [
        "--json",
        "--url",
        "http://x",
        "zone",
        "list",
    ]
    assert hoisted(["zone", "add", "--", "--json"]) == ["zone", "add", "--", "--json"]


async def test_commands_of_installed_packages_get_their_own_arguments(stowage: Command) -> None:
    ended = await stowage("standalone", "--help")
    assert ended.code == 0
    assert "--data" in ended.out
    assert "standalone" in (await stowage("--help")).out
