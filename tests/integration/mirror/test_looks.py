"""Looks: what CloudStack answers, or does not, is told as it is, and nothing is lost by it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from api_gateway.mirror.intake import Intake
from api_gateway.mirror.nouns import MirrorNoun
from stowage_contracts.messages.image_store import (
    AddHost,
    ChangeObject,
    CopyToZone,
    DeleteTemplate,
    PrefetchObject,
    RegisterTemplate,
    TemplateChanged,
)
from stowage_contracts.values import Scope
from stowage_contracts.views import TemplateView
from stowage_runtime.testing.eventually import eventually

from tests.integration.mirror import scenery
from tests.integration.mirror.cloudstack import CloudStack
from tests.integration.mirror.conftest import Mirror, mirror_status, parsed
from tests.unit.api_gateway.words import CREATED

NEW = scenery.uuid(150)


def event(kind: str, id: str, noun: str = "Template", status: str = "Completed") -> Any:
    key = f"management-server.ActionEvent.{kind.replace('.', '-')}.{noun}.{id}"
    body = {"event": kind, "status": status, "entity": noun, "entityuuid": id}
    return key, json.dumps(body).encode()


def known(id: str, **more: Any) -> TemplateChanged:
    told = {"account_id": scenery.ACCOUNT, "name": "new", "scope": Scope.region(), **more}
    view = TemplateView(id=id, hypervisor="KVM", format="qcow2", created=CREATED, **told)
    return TemplateChanged(state=view)


@pytest.fixture
def new(cloud: CloudStack) -> dict[str, Any]:
    return cloud.add("template", **scenery.template(NEW, "new", crossZones=True))


async def test_many_events_of_one_entity_are_one_look(mirror: Mirror, new: dict[str, Any]) -> None:
    words = ("Created", "Scheduled", "Started", "Completed")
    await mirror.take([event("TEMPLATE.CREATE", NEW, status=each) for each in words] * 3)
    assert await mirror.look() == 1
    assert mirror.cloud.commands() == ["listTemplates"]
    told = (await mirror_status(mirror)).events
    assert (told.taken, told.joined, told.unfinished) == (3, 2, 9)
    assert len(await mirror.said(RegisterTemplate)) == 1


@pytest.mark.parametrize("status", [401, 429, 503])
async def test_an_api_that_answers_nobody_costs_nothing(
    mirror: Mirror, new: dict[str, Any], status: int
) -> None:
    mirror.cloud.failing = status
    await mirror.take([event("TEMPLATE.CREATE", NEW), event("TEMPLATE.CREATE", scenery.REGIONAL)])
    assert await mirror.worker.once()
    told = await mirror_status(mirror)
    assert (told.state, told.looks.pending, told.looks.given_up) == ("api_away", 2, 0)
    assert told.api.error is not None
    assert str(status) in told.api.error.cause
    assert told.api.error.code.endswith("key") == (status == 401)
    api = mirror.worker.hand.questions.api
    assert api.silence > 0
    mirror.cloud.failing = 0
    await mirror.settle()
    assert (await mirror_status(mirror)).state == "polling"
    assert len(await mirror.said(RegisterTemplate)) == 2


@pytest.mark.parametrize("told", [{"mirror_patience_seconds": 0.001}])
async def test_what_fails_for_one_entity_alone_is_given_up_and_shown(
    mirror: Mirror, new: dict[str, Any]
) -> None:
    mirror.cloud.failing = 530
    mirror.cloud.fails_for = lambda form: form.get("id") == NEW
    await mirror.take([event("TEMPLATE.CREATE", NEW), event("TEMPLATE.CREATE", scenery.REGIONAL)])
    await mirror.settle()
    status = await mirror_status(mirror)
    assert (status.state, status.looks.given_up) == ("polling", 1)
    assert status.looks.last_error is not None
    assert "530" in status.looks.last_error.told
    (row,) = await mirror.bench.database.fetch("mirror.looks", True, 10)
    assert (row["id"], row["error"]["code"]) == (NEW, "unavailable.cloudstack_refused")
    mirror.cloud.failing = 0
    await mirror.take([event("TEMPLATE.UPDATE", NEW)])
    await mirror.settle()
    assert len(await mirror.said(RegisterTemplate)) == 2
    assert (await mirror_status(mirror)).looks.given_up == 0


async def test_what_cloudstack_does_not_know_is_deleted_only_if_its_end_was_told(
    mirror: Mirror,
) -> None:
    await mirror.bench.handle(known(NEW), sequence=1)
    await mirror.take([event("TEMPLATE.UPDATE", NEW)])
    await mirror.settle()
    assert await mirror.said(DeleteTemplate) == []
    assert await mirror.outcome("template", NEW) == "missing"
    await mirror.take([event("TEMPLATE.DELETE", NEW)])
    await mirror.settle()
    assert [each.subject for each in await mirror.said(DeleteTemplate)] == [f"template/{NEW}"]
    assert await mirror.outcome("template", NEW) == "deleted"


async def test_a_deletion_that_failed_deletes_nothing(mirror: Mirror, new: dict[str, Any]) -> None:
    await mirror.bench.handle(known(NEW), sequence=1)
    key, body = event("TEMPLATE.DELETE", NEW)
    failed = body[:-1] + b', "description": "Error while deleting template"}'
    mirror.cloud.remove("template", NEW)
    await mirror.take([(key, failed)])
    await mirror.settle()
    assert await mirror.said(DeleteTemplate) == []
    assert (await mirror_status(mirror)).events.failed == 1


async def test_strangers_that_nobody_has_leave_no_row(mirror: Mirror) -> None:
    await mirror.take([event("TEMPLATE.CREATE", scenery.uuid(999))])
    await mirror.settle()
    assert await mirror.entities() == {}


async def test_names_and_zones_follow(mirror: Mirror) -> None:
    await mirror.sweep()
    await mirror.settle()
    zone = Scope.zone(scenery.ZONES[0])
    await mirror.bench.handle(known(scenery.ZONAL, scope=zone), sequence=1)
    await mirror.bench.forget()
    await mirror.take([event("TEMPLATE.UPDATE", scenery.ZONAL)])
    await mirror.settle()
    changed, spread = await mirror.said(ChangeObject, CopyToZone)
    assert (changed.name, spread.zone_id) == ("debian", scenery.ZONES[1])  # type: ignore[attr-defined]


async def test_owners_and_descriptions_come_along(mirror: Mirror, new: dict[str, Any]) -> None:
    new.update(ispublic=True, isextractable=True, displaytext="A new one", ostypeid="os1")
    await mirror.take([event("TEMPLATE.CREATE", NEW)])
    await mirror.settle()
    async with mirror.bench.desk.transaction() as tx:
        owner = await tx.row("account", scenery.ACCOUNT)
        (told,) = await tx.rows("descriptions", "template", [NEW])
    assert owner is not None
    assert (owner["name"], owner["admin"]) == ("acme", False)
    assert (told["public"], told["featured"], told["extractable"]) == (True, False, True)
    assert told["attributes"]["displaytext"] == "A new one"
    new.update(ispublic=False)
    await mirror.take([event("TEMPLATE.UPDATE", NEW)])
    await mirror.settle()
    async with mirror.bench.desk.transaction() as tx:
        (told,) = await tx.rows("descriptions", "template", [NEW])
    assert not told["public"]


async def test_what_was_deleted_here_is_not_brought_back(
    mirror: Mirror, new: dict[str, Any]
) -> None:
    await mirror.bench.handle(known(NEW, removed=True), sequence=1)
    await mirror.take([event("TEMPLATE.UPDATE", NEW)])
    await mirror.settle()
    assert await mirror.said(RegisterTemplate, ChangeObject) == []
    assert await mirror.outcome("template", NEW) == "removed_here"


async def test_a_template_waits_for_its_zone(mirror: Mirror) -> None:
    await mirror.take([event("TEMPLATE.CREATE", scenery.ZONAL)])
    await mirror.look()
    assert await mirror.outcome("template", scenery.ZONAL) == "waiting"
    assert (await mirror_status(mirror)).looks.pending == 1
    await mirror.sweep()
    await mirror.settle()
    assert scenery.ZONAL in {each.template_id for each in await mirror.said(RegisterTemplate)}  # type: ignore[attr-defined]


async def test_a_template_that_is_not_downloaded_is_not_fetched_yet(
    mirror: Mirror, new: dict[str, Any]
) -> None:
    new.update(isready=False, status="17% Downloaded")
    await mirror.take([event("TEMPLATE.CREATE", NEW)])
    await mirror.settle()
    assert await mirror.outcome("template", NEW) == "waiting"
    new.update(isready=True)
    await mirror.take([event("TEMPLATE.CREATE", NEW)])
    await mirror.settle()
    assert len(await mirror.said(RegisterTemplate)) == 1


@pytest.mark.parametrize("told", [{"mirror_dry_run": True}])
async def test_a_dry_run_says_what_it_would_do(mirror: Mirror) -> None:
    await mirror.sweep()
    await mirror.settle()
    assert await mirror.said() == []
    assert (await mirror_status(mirror)).state == "dry_run"
    found = (await mirror.entities())["zone", scenery.ZONES[0]]
    assert (found["outcome"], found["steps"]) == (
        "dry_run",
        [{"step": "AddZone zone1", "done": False}],
    )
    assert await mirror.outcome("template", scenery.REGIONAL) == "dry_run"


RULES = [
    {"event": "TEMPLATE.CREATE", "action": "prefetch"},
    {"event": "ISO.*", "action": "ignore"},
    {"event": "VOLUME.*", "action": "ignore"},
    {"event": "HOST.*", "action": "ignore"},
]


@pytest.mark.parametrize("told", [{"mirror_rules": RULES}])
async def test_rules_decide_what_follows(mirror: Mirror, new: dict[str, Any]) -> None:
    await mirror.take([event("VOLUME.CREATE", scenery.VOLUME, "Volume")])
    assert (await mirror_status(mirror)).events.ignored == 1
    await mirror.sweep()
    await mirror.settle()
    nouns = {noun for noun, _id in await mirror.entities()}
    assert nouns == {"zone", "pod", "cluster", "template", "snapshot"}
    assert scenery.ISO not in {id for _noun, id in await mirror.entities()}
    assert await mirror.said(AddHost) == []
    await mirror.take([event("TEMPLATE.CREATE", NEW)])
    await mirror.look()
    assert await mirror.said(PrefetchObject) == []
    await mirror.bench.handle(known(NEW, ready=True), sequence=1)
    await mirror.settle()
    brought = [each.scope.id for each in await mirror.said(PrefetchObject)]  # type: ignore[attr-defined]
    assert brought == sorted(scenery.ZONES)


async def test_a_refused_place_keeps_no_other_from_coming(mirror: Mirror) -> None:
    mirror.cloud.add("zone", id="x" * 60 + "....", name="odd")
    mirror.cloud.rows["host"][0]["id"] = "a.b.c"
    await mirror.sweep()
    await mirror.settle()
    found = await mirror.entities()
    assert found["host", "a.b.c"]["outcome"] == "refused"
    assert len(await mirror.said(AddHost)) == 1


async def test_places_that_went_are_told_to_be_gone(mirror: Mirror) -> None:
    await mirror.sweep()
    await mirror.settle()
    host = mirror.cloud.rows["host"][0]["id"]
    mirror.cloud.remove("host", host)
    await mirror.sweep(MirrorNoun.PLACE)
    await mirror.settle()
    assert await mirror.outcome("host", host) == "gone"
    assert await mirror.outcome("zone", scenery.ZONES[0]) == "known"


async def test_too_many_looks_become_one_of_all(mirror: Mirror) -> None:
    events = [event("TEMPLATE.CREATE", scenery.uuid(number)) for number in range(500, 510)]
    for each in events:
        async with mirror.bench.desk.transaction() as tx:
            await Intake(most=3).take([parsed(*each)], tx)
    rows = await mirror.bench.database.fetch("mirror.looks", None, 100)
    assert sorted(row["id"] != "" for row in rows) == [False, True, True, True]
    await mirror.sweep(MirrorNoun.PLACE)
    await mirror.settle()
    assert ("template", scenery.REGIONAL) in await mirror.entities()


async def test_an_answer_that_is_none_is_told_by_its_fields_only(
    mirror: Mirror, new: dict[str, Any]
) -> None:
    new.update(zoneid="../../secret-canary", size="much")
    await mirror.take([event("TEMPLATE.CREATE", NEW)])
    await mirror.look()
    told = (await mirror_status(mirror)).looks.last_error
    assert told is not None
    assert "size, zoneid" in told.told
    assert "canary" not in told.told


async def test_a_key_that_may_not_ask_deletes_nothing(mirror: Mirror, new: dict[str, Any]) -> None:
    await mirror.bench.handle(known(NEW), sequence=1)
    mirror.cloud.failing = 431
    await mirror.take([event("TEMPLATE.DELETE", NEW)])
    await mirror.look()
    assert await mirror.said(DeleteTemplate) == []
    told = (await mirror_status(mirror)).looks
    assert (told.pending, told.failed) == (1, 1)


async def test_a_row_that_cannot_be_read_hides_no_other(mirror: Mirror) -> None:
    mirror.cloud.rows["template"].insert(0, {"id": "a b", "name": "odd"})
    await mirror.sweep()
    await mirror.settle()
    assert len(await mirror.said(RegisterTemplate)) == 4


async def test_a_look_that_its_gateway_dropped_goes_to_another(mirror: Mirror) -> None:
    await mirror.take([event("TEMPLATE.CREATE", scenery.REGIONAL)])
    async with mirror.bench.desk.transaction() as tx:
        first = await tx.row("mirror.claim", "dead", 0.05)
    assert first is not None
    await eventually(mirror.worker.once)
    assert len(await mirror.said(RegisterTemplate)) == 1


async def test_what_comes_while_it_is_looked_at_is_looked_at_again(mirror: Mirror) -> None:
    await mirror.take([event("TEMPLATE.CREATE", scenery.REGIONAL)])
    async with mirror.bench.desk.transaction() as tx:
        row = await tx.row("mirror.claim", "me", 60)
    assert row is not None
    await mirror.take([event("TEMPLATE.UPDATE", scenery.REGIONAL)])
    assert await mirror.look() == 0
    async with mirror.bench.desk.transaction() as tx:
        key = (row["noun"], row["id"], "me")
        assert await tx.rows("mirror.settle", *key, row["events"])
    assert await mirror.look() == 1
