"""CloudStack's events are read without believing them."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from api_gateway.mirror.events import Entity, Event, Malformed, read
from api_gateway.mirror.nouns import MirrorNoun
from hypothesis import given
from hypothesis import strategies as st

from tests.integration.mirror import scenery

ID = scenery.uuid(7)
CATEGORIES = ("ActionEvent", "ResourceStateEvent", "UsageEvent", "AlertEvent", "AsyncJobEvent")


def sent(category: str, kind: str, resource: str, id: str, /, **body: Any) -> Event:
    key = f"management-server.{category}.{kind}.{resource}.{id}"
    return read(key, json.dumps(body).encode())


def test_an_action_is_about_its_entity_once_it_is_completed() -> None:
    told = {"event": "TEMPLATE.CREATE", "entity": "Template", "entityuuid": ID}
    for status in ("Created", "Scheduled", "Started", "Completed"):
        found = sent("ActionEvent", "TEMPLATE-CREATE", "Template", ID, status=status, **told)
        assert found.entities == (Entity(MirrorNoun.TEMPLATE, ID),)
        assert (found.type, found.finished) == ("TEMPLATE.CREATE", status == "Completed")


def test_a_failed_action_is_completed_too_and_deletes_nothing() -> None:
    about = ("ActionEvent", "VOLUME-DELETE", "Volume", ID)
    found = sent(*about, status="Completed", description="Error while deleting volume")
    assert (found.finished, found.failed, found.deletes) == (True, True, False)
    assert sent(*about, status="Completed", description="deleting volume").deletes


def test_the_key_tells_what_the_body_leaves_out() -> None:
    found = sent("ActionEvent", "TEMPLATE-DIRECT-DOWNLOAD-FAILURE", "Iso", ID)
    assert found.type == "TEMPLATE.DIRECT.DOWNLOAD.FAILURE"
    assert found.entities == (Entity(MirrorNoun.TEMPLATE, ID),)


def test_literal_asterisks_are_missing_parts() -> None:
    found = sent("ActionEvent", "TEMPLATE-CREATE", "*", "*", status="Completed")
    assert found.entities == (Entity(MirrorNoun.TEMPLATE),)
    assert sent("AsyncJobEvent", "submit", "unknown", "*", commandEventType="VM.X").entities == ()


def test_first_class_entities_of_the_call_are_told_too() -> None:
    context = {"com.cloud.storage.Volume": scenery.VOLUME, "com.cloud.vm.VirtualMachine": ID}
    found = sent("ActionEvent", "SNAPSHOT-CREATE", "Snapshot", ID, status="Completed", **context)
    assert set(found.entities) == {
        Entity(MirrorNoun.SNAPSHOT, ID),
        Entity(MirrorNoun.VOLUME, scenery.VOLUME),
    }


def test_usage_names_classes_in_full() -> None:
    name = "com.cloud.template.VirtualMachineTemplate"
    told = {"event": "TEMPLATE.CREATE", "resource": name, "id": ID}
    found = sent("UsageEvent", "TEMPLATE-CREATE", name.replace(".", "-"), ID, **told)
    assert found.entities == (Entity(MirrorNoun.TEMPLATE, ID),)
    keyed = sent("UsageEvent", "TEMPLATE-CREATE", name.replace(".", "-"), ID)
    assert keyed.entities == found.entities


def test_states_tell_an_end() -> None:
    told = {"resource": "Volume", "id": ID, "old-state": "Expunging", "new-state": "Expunged"}
    found = sent("ResourceStateEvent", "OperationSucceeded", "Volume", ID, **told)
    assert (found.type, found.deletes) == ("VOLUME.STATE", True)
    assert not sent("ResourceStateEvent", "X", "Volume", ID, **{"new-state": "Ready"}).deletes


@pytest.mark.parametrize(
    ("phase", "status", "finished", "failed"),
    [
        ("submit", "IN_PROGRESS", False, False),
        ("update", "IN_PROGRESS", False, False),
        ("complete", "SUCCEEDED", True, False),
        ("complete", "FAILED", True, True),
        ("complete", "CANCELLED", True, True),
    ],
)
def test_jobs_matter_when_they_are_over(
    phase: str, status: str, finished: bool, failed: bool
) -> None:
    told = {"commandEventType": "SNAPSHOT.CREATE", "instanceType": "Snapshot", "instanceUuid": ID}
    found = sent("AsyncJobEvent", phase, "Snapshot", ID, status=status, **told)
    assert (found.finished, found.failed) == (finished, failed)
    assert found.entities == (Entity(MirrorNoun.SNAPSHOT, ID),)


def test_alerts_are_nobodys_business_here() -> None:
    found = sent("AlertEvent", "ALERT-X", "*", "*", event="ALERT.X", podId=ID)
    assert found.entities == ()


def test_times_are_cloudstacks_and_may_be_missing() -> None:
    about = ("AlertEvent", "A", "*", "*")
    found = sent(*about, eventDateTime="2026-07-24 10:00:07 +0200")
    assert found.at == datetime(2026, 7, 24, 8, 0, 7, tzinfo=UTC)
    assert sent(*about, eventDateTime="yesterday").at is None
    assert sent(*about).at is None


@pytest.mark.parametrize(
    ("key", "body"),
    [
        ("management-server.ActionEvent.A.Template", b"{}"),
        ("management-server.ActionEvent.A.Template..", b"{}"),
        ("management-server.OtherEvent.A.Template.x", b"{}"),
        ("m.ActionEvent.A.Template.x", b"{"),
        ("m.ActionEvent.A.Template.x", b"[]"),
        ("m.ActionEvent.A.Template.x", b'{"entityuuid": "a b canary"}'),
        ("m.ActionEvent.A b canary.Template.x", b"{}"),
        ("m.ActionEvent.A.Template.x", b'{"n": ' + b"1" * (1 << 20) + b"}"),
        ("m.ActionEvent.A.Template.x", b"[" * 100_000),
    ],
)
def test_what_is_no_event_is_refused_without_a_quote(key: str, body: bytes) -> None:
    with pytest.raises(Malformed) as refused:
        read(key, body)
    assert "canary" not in str(refused.value)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
NAMES = st.sampled_from(["event", "status", "entity", "entityuuid", "id", "resource", "new-state"])


@given(st.sampled_from(CATEGORIES), st.dictionaries(NAMES | st.text(), JSON, max_size=6))
def test_any_body_is_read_or_refused(category: str, body: dict[str, Any]) -> None:
    key = f"management-server.{category}.TEMPLATE-CREATE.Template.{ID}"
    with suppress(Malformed):
        assert isinstance(read(key, json.dumps(body).encode()), Event)


def test_nothing_of_a_secret_leaves_the_reader() -> None:
    for key, body in scenery.recorded():
        try:
            told = repr(read(key, body))
        except Malformed as error:
            told = str(error)
        assert scenery.CANARY not in told
