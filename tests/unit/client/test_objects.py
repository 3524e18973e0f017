"""stowage template, volume, snapshot against a real gateway."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
from api_gateway.deps import Deps
from stowage_client import Client
from stowage_contracts.errors import Conflict, Unavailable
from stowage_contracts.message import Message
from stowage_contracts.messages.image_store import (
    ChangeObject,
    CopyToZone,
    DeleteReplica,
    DeleteSnapshot,
    DeleteTemplate,
    DeleteVolume,
    MoveVolume,
    RegisterSnapshot,
    RegisterTemplate,
    RegisterVolume,
    VerifyReplica,
    VolumeChanged,
)
from stowage_contracts.values import Scope
from stowage_runtime.testing.bench import ServiceBench

from tests.unit.api_gateway import words
from tests.unit.client.conftest import Command

Bench = ServiceBench[Deps]
REPLICA = {"store_id": "s1", "role": "Image", "state": "Ready", "size": 7}


async def _until(found: Callable[[], Any]) -> None:
    async with asyncio.timeout(20):
        while not await found():
            await asyncio.sleep(0.02)


async def _said(bench: Bench, kind: type[Message]) -> Any:
    (said,) = await bench.said(kind)
    return said


async def test_everything_wished_for_is_said(stowage: Command, bench: Bench) -> None:
    for message in (words.zone("z1"), words.store("s1"), words.store("s2")):
        await bench.handle(message, sequence=1)
    line = "template add disk -f qcow2 https://images.example/d --zone z1 --store s1 --store s2"
    more = f"--copies 2:3 --tag gold --tag old --checksum md5:{'0' * 32} --hypervisor VMware"
    ended = await stowage(*line.split(), *more.split())
    assert ended.code == 0, ended.err
    said = await _said(bench, RegisterTemplate)
    assert (said.store_ids, said.tags) == (("s1", "s2"), ("gold", "old"))
    assert (said.min_copies, said.max_copies) == (2, 3)
    assert (said.scope, said.hypervisor) == (Scope.zone("z1"), "VMware")


async def test_volumes_and_snapshots_have_the_same_verbs(stowage: Command, bench: Bench) -> None:
    url = "https://images.example/d"
    assert (await stowage("volume", "add", "v", "-f", "raw", url)).code == 0
    assert (await stowage("snapshot", "add", "s", "-f", "raw", url, "--volume", "v9")).code == 0
    await _said(bench, RegisterVolume)
    assert (await _said(bench, RegisterSnapshot)).volume_id == "v9"
    await bench.handle(words.volume("v1"), sequence=1)
    await bench.handle(words.snapshot("n1"), sequence=1)
    assert (await stowage("volume", "delete", "v1")).code == 0
    assert (await stowage("snapshot", "delete", "n1")).code == 0
    assert await bench.said(DeleteVolume, DeleteSnapshot)
    listed = json.loads((await stowage("snapshot", "list", "--json")).out)
    assert {view["id"] for view in listed} >= {"n1"}


async def test_what_stays_in_place_is_not_copied(stowage: Command, bench: Bench) -> None:
    ended = await stowage("template", "add", "d", "-f", "raw", "s3://images/d.raw", "--in-place")
    assert ended.code == 0, ended.err
    assert (await _said(bench, RegisterTemplate)).in_place


@pytest.mark.parametrize(
    "options", ["", "http://i/d --upload /none", "http://i/d --zone z1 --region", "--copies two"]
)
async def test_contradictions_are_refused_before_anything_is_asked(
    stowage: Command, bench: Bench, options: str
) -> None:
    ended = await stowage("template", "add", "d", "-f", "raw", *options.split())
    assert ended.code in (1, 2)
    assert await bench.said(RegisterTemplate) == []


async def test_replicas_are_shown_as_a_table(stowage: Command, bench: Bench) -> None:
    lost = Unavailable("it is missing", code="missing").problem.model_dump(mode="json")
    failed = {**REPLICA, "store_id": "s2", "state": "Failed", "error": lost}
    verified = {**REPLICA, "verified": words.CREATED}
    await bench.handle(words.template("t1", ready=True, replicas=[verified, failed]), sequence=1)
    lines = (await stowage("template", "show", "t1")).out.splitlines()
    assert lines[-3].split() == ["store", "state", "size", "verified", "error"]
    assert lines[-2].split()[:4] == ["s1", "Ready", "7", "B"]
    assert lines[-1].endswith("unavailable.missing: it is missing")
    as_json = json.loads((await stowage("template", "show", "t1", "--json")).out)
    assert len(as_json["replicas"]) == 2


async def test_lists_are_narrowed(stowage: Command, bench: Bench) -> None:
    await bench.handle(words.template("t1", ready=True, tags=["gold"]), sequence=1)
    await bench.handle(words.template("t2", name="other"), sequence=1)

    async def ids(*options: str) -> list[str]:
        found = json.loads((await stowage("template", "list", *options, "--json")).out)
        return [view["id"] for view in found]

    assert await ids("--ready") == ["t1"]
    assert await ids("--not-ready") == ["t2"]
    assert await ids("--tag", "gold") == ["t1"]
    row = (await stowage("template", "list", "--ready")).out.splitlines()[1].split()
    assert row == ["t1", "disk", "template", "raw", "ready", "?", "0/1", "all"]


async def test_wishes_are_changed(stowage: Command, bench: Bench) -> None:
    await bench.handle(words.template("t1"), sequence=1)
    assert (await stowage("template", "change", "t1", "--copies", "2", "--no-tags")).code == 0
    said = await _said(bench, ChangeObject)
    assert (said.name, said.tags, said.min_copies, said.max_copies) == (None, (), 2, None)
    assert (await stowage("template", "change", "t1")).code == 1


async def test_a_zone_that_has_it_is_told_at_once(stowage: Command, bench: Bench) -> None:
    await bench.handle(words.zone("z1"), sequence=1)
    await bench.handle(words.template("t1", ready=True), sequence=1)
    told = await stowage("template", "copy-to-zone", "t1", "z1")
    assert told.out == "already available in z1\n"
    await bench.handle(words.template("t2", scope=Scope.zone("z0")), sequence=1)
    assert (await stowage("template", "copy-to-zone", "t2", "z1")).out.startswith("on its way")
    assert (await _said(bench, CopyToZone)).zone_id == "z1"


async def test_single_replicas_are_verified_and_deleted(stowage: Command, bench: Bench) -> None:
    await bench.handle(words.template("t1", ready=True, replicas=[REPLICA]), sequence=1)
    assert (await stowage("template", "verify", "t1", "s1")).code == 0
    assert (await _said(bench, VerifyReplica)).store_id == "s1"
    deleting = asyncio.create_task(stowage("template", "delete-replica", "t1", "s1"))
    await _until(lambda: bench.said(DeleteReplica))
    going = {**REPLICA, "state": "Destroying"}
    await bench.handle(words.template("t1", ready=True, replicas=[going]), sequence=2)
    assert (await deleting).out.startswith("the replica on s1 is let go")
    assert (await _said(bench, DeleteReplica)).store_id == "s1"
    assert (await stowage("template", "verify", "t1", "s9")).code == 1


async def test_the_last_good_replica_is_not_said_to_go(stowage: Command, bench: Bench) -> None:
    await bench.handle(words.template("t1", ready=True, replicas=[REPLICA]), sequence=1)
    deleting = asyncio.create_task(stowage("template", "delete-replica", "t1", "s1"))
    await _until(lambda: bench.said(DeleteReplica))
    error = Conflict("it is the last good replica", code="last_replica").problem
    refused = words.template("t1", ready=True, replicas=[REPLICA], error=error)
    await bench.handle(refused, sequence=2)
    ended = await deleting
    assert (ended.code, "last good replica" in ended.err) == (1, True)


@pytest.mark.parametrize("damaged", [False, True])
async def test_a_verification_is_waited_for(stowage: Command, bench: Bench, damaged: bool) -> None:
    await bench.handle(words.template("t1", ready=True, replicas=[REPLICA]), sequence=1)
    verifying = asyncio.create_task(stowage("template", "verify", "t1", "s1", "--wait"))
    await _until(lambda: bench.said(VerifyReplica))
    error = Unavailable("other bytes", code="digest").problem.model_dump(mode="json")
    found = {"error": error} if damaged else {"verified": words.CREATED}
    read = words.template("t1", ready=True, replicas=[{**REPLICA, **found}])
    await bench.handle(read, sequence=2)
    ended = await verifying
    assert ended.code == damaged
    assert "other bytes" in ended.err if damaged else "is what it should be" in ended.out


async def test_one_that_failed_fails_the_command_that_waited(
    stowage: Command, client: Client, bench: Bench
) -> None:
    adding = asyncio.create_task(
        stowage("volume", "add", "v", "-f", "raw", "http://i/d", "--id", "v1", "--wait")
    )
    async with asyncio.timeout(20):
        while not (copies := [copy.id async for copy in client.copies.list()]):
            await asyncio.sleep(0.02)
    await bench.handle(words.planned(copies[0], state="done"), sequence=1)
    error = Unavailable("no room anywhere", code="store").problem
    await bench.handle(words.volume("v1", error=error), sequence=1)
    ended = await adding
    assert ended.code == 1
    assert "cause: no room anywhere" in ended.err


async def test_cloudstacks_word_for_adding_is_understood(stowage: Command, bench: Bench) -> None:
    assert (await stowage("template", "register", "d", "http://i/d", "-f", "raw")).code == 0
    assert (await stowage("template", "delete", "t0")).code == 1
    assert len(await bench.said(RegisterTemplate, DeleteTemplate)) == 1


async def test_a_volume_is_moved_by_command(stowage: Command, bench: Bench) -> None:
    await bench.handle(words.store("p1", role="Primary"), sequence=1)
    await bench.handle(words.volume("v1"), sequence=1)
    moved = await stowage("volume", "move", "v1", "p1", "--priority", "10")
    assert moved.code == 0, moved.err
    said = await _said(bench, MoveVolume)
    assert (said.volume_id, said.store_id, said.priority) == ("v1", "p1", 10)


async def test_a_volume_on_a_pool_tells_how_it_was_made(stowage: Command, bench: Bench) -> None:
    answer = {"strategy": "reflink", "priority": 2, "reason": "blocks are shared", "chosen": True}
    install = {"strategy": "reflink", "method": "clone", "answers": [answer]}
    replica = {**REPLICA, "role": "Primary", "install": install}
    volume = words.volume("v1").state.model_dump(mode="json")
    changed = VolumeChanged.model_validate(
        {"state": {**volume, "replicas": [replica], "ready": False}}
    )
    await bench.handle(changed, sequence=1)
    shown = await stowage("volume", "show", "v1")
    assert "made by reflink" in shown.out
    assert "blocks are shared" in shown.out
    listed = await stowage("volume", "list")
    assert "on a pool" in listed.out
    assert "0/1" in listed.out
