"""stowage provider, store and placement against a real gateway."""

import asyncio
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from api_gateway.deps import Deps
from pydantic import SecretStr
from stowage_contracts.catalogue import StoreEntry
from stowage_contracts.errors import NotFound
from stowage_contracts.message import Message
from stowage_contracts.messages.image_store import (
    AddStore,
    AdoptStore,
    ChangeStore,
    CleanStore,
    EvacuateStore,
    ExplainPlacement,
    ListStoreObjects,
    MoveReplicas,
    RemovePlacementRule,
    ScanStore,
    SetPlacementRule,
    StopEvacuation,
    StoreChanged,
    StoreObjectsListed,
    StoreRemoved,
)
from stowage_contracts.sealing import for_store
from stowage_contracts.values import ObjectRef
from stowage_contracts.views import EvacuationEnd, EvacuationView, InventoryView
from stowage_runtime.secrets import Opener
from stowage_runtime.testing.bench import ServiceBench

from tests.unit.api_gateway import words
from tests.unit.client.conftest import Command, printed

Bench = ServiceBench[Deps]
FORM = {
    "type": "object",
    "required": ["bucket", "secret_key"],
    "properties": {
        "prefix": {"type": "string", "default": "", "description": "Keys begin\nwith this."},
        "bucket": {"type": "string"},
        "page": {"type": "integer", "default": 1000},
        "mode": {"$ref": "#/$defs/Mode", "default": "path"},
        "region": {"anyOf": [{"type": "string"}, {"type": "null"}], "default": None},
        "secret_key": {"type": "string", "writeOnly": True},
    },
    "$defs": {"Mode": {"enum": ["path", "virtual"], "type": "string"}},
}


@pytest.fixture
async def offered(bench: Bench) -> None:
    await bench.handle(words.provider("s3", settings=FORM), sequence=1)


@pytest.fixture
def secret(monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("KEY", "canary")
    return "secret_key=env:KEY"


async def _one(bench: Bench, kind: type[Message]) -> Any:
    (said,) = await bench.said(kind)
    return said


async def _until(found: Callable[[], Any]) -> Any:
    async with asyncio.timeout(20):
        while not (answer := await found()):
            await asyncio.sleep(0.02)
    return answer


def _changed(**changes: Any) -> StoreChanged:
    return StoreChanged(state=words.store("s1", **changes).state)


@pytest.mark.usefixtures("offered")
async def test_a_providers_form_is_rendered(stowage: Command) -> None:
    listed = (await stowage("provider", "list")).out.splitlines()
    assert listed[1].split() == ["S3", "Image", "region", "secret_key,", "bucket"]
    lines = (await stowage("provider", "show", "s3")).out.splitlines()
    rows = {line.split()[0]: line.split()[1:] for line in lines[2:]}
    assert list(rows)[:2] == ["secret_key", "bucket"]
    assert rows["secret_key"][:3] == ["--secret", "string", "required"]
    assert rows["mode"] == ["--set", "path|virtual", "path", "-"]
    assert rows["prefix"][-4:] == ["Keys", "begin", "with", "this."]
    assert json.loads((await stowage("provider", "show", "S3", "--json")).out)["id"] == "s3"
    assert (await stowage("provider", "show", "none")).code == 1


@pytest.mark.usefixtures("offered")
async def test_settings_are_read_as_the_form_says(
    stowage: Command, bench: Bench, secret: str, made_keys: dict[str, str]
) -> None:
    line = "store add rgw -p s3 --id s1 --no-wait --tag fast --set bucket=7 --set page=7"
    ended = await stowage(*line.split(), "--set", "region=12", "--secret", secret)
    assert ended.code == 0, ended.err
    said = await _one(bench, AddStore)
    assert said.settings == {"bucket": "7", "page": 7, "region": "12"}
    assert (said.provider, said.tags) == ("S3", ("fast",))
    opener = Opener(SecretStr(made_keys["seal_private_key_image_store"]))
    assert json.loads(opener.open(said.sealed, for_store("s1"))) == {"secret_key": "canary"}
    assert "canary" not in ended.out


@pytest.mark.usefixtures("offered")
@pytest.mark.parametrize(
    ("options", "told"),
    [
        ("--set bucket=b --set colour=red", "S3 has no setting colour"),
        ("--set bucket=b --set secret_key=canary", "secret_key is secret"),
        ("--secret secret_key=env:KEY", "missing: bucket"),
        ("--set bucket=b", "missing: secret_key"),
    ],
)
async def test_a_form_filled_in_wrongly_is_refused_here(
    stowage: Command, bench: Bench, secret: str, options: str, told: str
) -> None:
    ended = await stowage("store", "add", "rgw", "-p", "S3", *options.split())
    assert ended.code == 1
    assert told in ended.err
    assert "canary" not in ended.err + ended.out
    assert await bench.said(AddStore) == []


@pytest.mark.parametrize(
    ("verb", "state"),
    [("read-only", "ReadOnly"), ("drain", "Draining"), ("disable", "Disabled"), ("enable", "Up")],
)
async def test_a_store_is_turned_and_waited_for(
    stowage: Command, bench: Bench, verb: str, state: str
) -> None:
    before = "ReadOnly" if state == "Up" else "Up"
    await bench.handle(words.store("s1", state=before), sequence=1)
    turning = asyncio.create_task(stowage("store", verb, "s1", "--json"))
    await _until(lambda: bench.said(ChangeStore))
    await bench.handle(_changed(state=before, used_bytes=1), sequence=2)
    await bench.handle(_changed(state=state), sequence=3)
    ended = await turning
    assert ended.code == 0, ended.err
    assert json.loads(ended.out)["state"] == state


async def test_a_turn_that_is_refused_fails_the_command(stowage: Command, bench: Bench) -> None:
    await bench.handle(words.store("s1"), sequence=1)
    turning = asyncio.create_task(stowage("store", "disable", "s1"))
    await _until(lambda: bench.said(ChangeStore))
    error = NotFound("it is being emptied", code="evacuating").problem
    await bench.handle(_changed(error=error), sequence=2)
    ended = await turning
    assert ended.code == 1
    assert "cause: it is being emptied" in ended.err


async def test_new_settings_keep_the_others_and_are_waited_for(
    stowage: Command, bench: Bench
) -> None:
    known = {"root": "/a", "page": 5}
    await bench.handle(words.store("s1", settings=known), sequence=1)
    changing = asyncio.create_task(
        stowage("store", "change", "s1", "--set", "root=/b", "--name", "new", "--tag", "x")
    )
    await _until(lambda: bench.said(ChangeStore))
    said = await _one(bench, ChangeStore)
    assert (said.settings, said.name, said.tags) == ({"root": "/b", "page": 5}, "new", ("x",))
    fields = {"name": "new", "tags": ["x"]}
    await bench.handle(_changed(settings=known, **fields), sequence=2)
    later = words.CREATED + timedelta(seconds=1)
    await bench.handle(_changed(settings=said.settings, measured=later, **fields), sequence=3)
    ended = await changing
    assert (ended.code, "/b" in ended.out) == (0, True)


@pytest.mark.usefixtures("offered")
async def test_secrets_are_rotated_once_the_new_ones_were_tried(
    stowage: Command, bench: Bench, secret: str
) -> None:
    await bench.handle(words.store("s1", provider="S3"), sequence=1)
    assert "missing: secret_key" in (await stowage("store", "rotate", "s1")).err
    rotating = asyncio.create_task(stowage("store", "rotate", "s1", "--secret", secret))
    await _until(lambda: bench.said(ChangeStore))
    said = await _one(bench, ChangeStore)
    assert said.sealed
    assert said.settings is None
    await bench.handle(_changed(provider="S3"), sequence=2)
    checks = [{"name": "write", "ok": True}]
    done = _changed(provider="S3", measured=words.CREATED, checks=checks)
    await bench.handle(done, sequence=3)
    ended = await rotating
    assert ended.code == 0, ended.err
    assert "ok   write" in ended.out


async def test_an_evacuation_is_planned_before_it_is_done(stowage: Command, bench: Bench) -> None:
    await bench.handle(words.store("s1"), sequence=1)
    bench.bus.replies.update(words.ANSWERS)
    lines = (await stowage("store", "evacuate", "s1", "--plan")).out.splitlines()
    assert lines[1].split() == ["template/t1", "7", "B", "s2", "yes", "room"]
    assert lines[-1] == "1 objects, 7 B to move"
    assert await bench.said(EvacuateStore) == []
    assert (await stowage("store", "evacuate", "s1", "--stop")).code == 0
    assert len(await bench.said(StopEvacuation)) == 1


async def test_an_evacuation_is_followed_until_the_store_is_gone(
    stowage: Command, bench: Bench, capfd: pytest.CaptureFixture[str]
) -> None:
    await bench.handle(words.store("s1"), sequence=1)
    emptying = asyncio.create_task(stowage("store", "evacuate", "s1", "--remove", "--follow"))
    await _until(lambda: bench.said(EvacuateStore))
    assert (await _one(bench, EvacuateStore)).remove
    stuck = NotFound("no other store has room", resource="template/t2", hint="add one").problem
    half = EvacuationView(
        removes=True,
        objects_total=2,
        objects_left=1,
        bytes_total=100,
        bytes_left=60,
        blockers=(stuck,),
        started=words.CREATED,
    )
    await bench.handle(_changed(state="Draining", evacuation=half), sequence=2)
    seen = await printed(capfd, "blocked")
    assert "s1: 40%" in seen
    assert "1 of 2 objects left" in seen
    assert "blocked: template/t2: no other store has room; add one" in seen
    empty = half.model_copy(update={"objects_left": 0, "bytes_left": 0, "blockers": ()})
    await bench.handle(_changed(state="Draining", evacuation=empty), sequence=3)
    gone = StoreRemoved(state=words.store("s1", state="Removed").state)
    await bench.handle(gone, sequence=4)
    ended = await emptying
    assert ended.code == 0, ended.err
    assert ended.out.endswith("s1 is removed\n")


@pytest.mark.parametrize(("empty", "told"), [(True, "is empty"), (False, "it was stopped")])
async def test_an_evacuation_that_ended_is_told(
    stowage: Command, bench: Bench, empty: bool, told: str
) -> None:
    await bench.handle(words.store("s1"), sequence=1)
    emptying = asyncio.create_task(stowage("store", "evacuate", "s1", "--follow", "--to", "s2"))
    await _until(lambda: bench.said(EvacuateStore))
    assert (await _one(bench, EvacuateStore)).to_store_ids == ("s2",)
    end = EvacuationEnd(empty=empty, at=words.CREATED)
    await bench.handle(_changed(state="Draining", evacuated=end), sequence=2)
    assert told in (await emptying).out


async def test_a_store_is_browsed_and_objects_are_moved_off_it(
    stowage: Command, bench: Bench
) -> None:
    for number, key in enumerate(("s1", "s2")):
        await bench.handle(words.store(key), sequence=number + 1)
    entries = (
        StoreEntry(name="tmpl", folder=True),
        StoreEntry(
            name="t1.raw",
            folder=False,
            size=7,
            object=ObjectRef(kind="template", id="t1"),
            object_name="disk",
            updated=words.CREATED,
        ),
    )
    bench.bus.replies[ListStoreObjects] = StoreObjectsListed(
        store_id="s1", entries=entries, count=2
    )
    lines = (await stowage("store", "objects", "s1", "template")).out.splitlines()
    assert lines[1].split()[0] == "tmpl/"
    assert lines[2].split()[:5] == ["t1.raw", "7", "B", "template/t1", "disk"]
    moved = await stowage("store", "move", "s1", "template/t1", "snapshot/n1", "--to", "s2")
    assert moved.code == 0, moved.err
    said = await _one(bench, MoveReplicas)
    assert ([str(what) for what in said.objects], said.to_store_ids) == (
        ["template/t1", "snapshot/n1"],
        ("s2",),
    )
    assert (await stowage("store", "move", "s1", "template/t1", "--stop")).code == 0
    for wrong in (["template/t1"], ["gopher/t1", "--to", "s2"]):
        assert (await stowage("store", "move", "s1", *wrong)).code == 1


async def test_a_store_is_told_what_it_may_hold(stowage: Command, bench: Bench) -> None:
    await bench.handle(words.store("s1"), sequence=1)
    line = ("store", "change", "s1", "--capacity", "2T")
    changing = asyncio.create_task(stowage(*line))
    await _until(lambda: bench.said(ChangeStore))
    assert (await _one(bench, ChangeStore)).capacity_bytes == 2 << 40
    await bench.handle(_changed(total_bytes=2 << 40), sequence=2)
    assert (await changing).code == 0


async def test_findings_are_listed_and_the_removable_ones_cleaned(
    stowage: Command, bench: Bench
) -> None:
    await bench.handle(words.store("s1"), sequence=1)
    bench.bus.replies.update(words.ANSWERS)
    (line,) = (await stowage("store", "findings", "s1")).out.splitlines()[1:]
    assert line.split()[:3] == ["f1", "orphan", "template/t9"]
    assert (await stowage("store", "clean", "s1")).code == 1
    assert (await stowage("store", "clean", "s1", "--all")).code == 0
    assert (await _one(bench, CleanStore)).finding_ids == ("f1",)
    none = json.loads((await stowage("store", "findings", "s1", "--kind", "missing", "--json")).out)
    assert none == []


async def test_a_scan_is_waited_for(stowage: Command, bench: Bench) -> None:
    await bench.handle(words.store("s1"), sequence=1)
    scanning = asyncio.create_task(stowage("store", "scan", "s1", "--wait", "--json"))
    await _until(lambda: bench.said(ScanStore))
    counts = {"objects": 9, "orphans": 1, "missing": 0, "mismatched": 0, "open_writes": 0}
    inventory = InventoryView(scanned=words.CREATED, **counts)
    await bench.handle(_changed(inventory=inventory), sequence=2)
    assert json.loads((await scanning).out)["orphans"] == 1


async def test_a_store_is_adopted(stowage: Command, bench: Bench) -> None:
    await bench.handle(words.store("s1"), sequence=1)
    assert (await stowage("store", "adopt", "s1")).code == 0
    assert len(await bench.said(AdoptStore)) == 1


async def test_placement_rules_are_set_listed_and_removed(stowage: Command, bench: Bench) -> None:
    line = "placement set big --order 5 --kind template --min-size 10G --store-tag slow -f raw"
    assert (await stowage(*line.split())).code == 0
    rule = (await _one(bench, SetPlacementRule)).rule
    assert (rule.name, rule.order, rule.min_size) == ("big", 5, 10 << 30)
    listed = (await stowage("placement", "list")).out
    assert "kinds template; formats raw; from 10.0 GiB" in listed
    assert "tagged slow" in listed
    assert (await stowage("placement", "remove", "big")).code == 0
    assert len(await bench.said(RemovePlacementRule)) == 1
    assert (await stowage("placement", "set", "x", "--min-size", "huge")).code == 1


async def test_placement_is_explained(stowage: Command, bench: Bench) -> None:
    bench.bus.replies.update(words.ANSWERS)
    line = "placement explain -f qcow2 --size 2GiB --tag gold"
    told = (await stowage(*line.split())).out.splitlines()
    assert told[0] == "no rule holds: any store may"
    assert told[2].split() == ["s1", "yes", "yes", "most", "room"]
    asked = next(q for q, _ in bench.bus.asked if isinstance(q, ExplainPlacement))
    assert (asked.size, asked.tags) == (2 << 30, ("gold",))
