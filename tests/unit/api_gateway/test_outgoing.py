"""What goes out: CloudEvents and CloudStack's forms, pure."""

from datetime import UTC, datetime
from typing import Any

import pytest
from api_gateway.sinks.broker import binary, key_of
from api_gateway.sinks.cloudstack import told, told_or_own
from api_gateway.sinks.delivering import Pace
from api_gateway.sinks.outgoing import Outgoing, waves
from api_gateway.sinks.secrets import SinkKey, SinkSecrets, new_secret, signatures
from hypothesis import given
from hypothesis import strategies as st
from stowage_runtime.keys import make
from stowage_runtime.secrets import RowCipher

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def event(noun: str = "zone", key: str = "z1", type: str = "ZoneAdded", **more: Any) -> Outgoing:
    fields: dict[str, Any] = {"id": "e1", "source": "image-store", "time": NOW, "body": {}, **more}
    return Outgoing(noun=noun, subject_id=key, type=type, **fields)


def changed(noun: str, was: str, type: str = "", **state: Any) -> list[tuple[str, str, str]]:
    """What CloudStack would say: category, event, and status or new state."""
    kind = type or f"{noun.capitalize()}Changed"
    body = {"state": {"kind": noun, "name": "n", **state}}
    found = told(event(noun, "t1", kind, was=was, body=body, account="a1"))
    return [
        (each.category, each.name, each.body.get("status", each.body.get("new-state", "")))
        for each in found
    ]


READY, PENDING = {"ready": True}, {"ready": False}
FAILED, REMOVED = {"ready": False, "error": {"code": "x"}}, {"ready": True, "removed": True}
ACTION, STATE = "ActionEvent", "ResourceStateEvent"


@pytest.mark.parametrize(
    ("noun", "was", "state", "expected"),
    [
        ("template", "", PENDING, [(ACTION, "TEMPLATE.CREATE", "Started")]),
        ("template", "pending", READY, [(ACTION, "TEMPLATE.CREATE", "Completed")]),
        ("template", "pending", FAILED, [(ACTION, "TEMPLATE.CREATE", "Completed")]),
        ("template", "ready", READY, []),
        ("template", "ready", REMOVED, [(ACTION, "TEMPLATE.DELETE", "Completed")]),
        ("template", "", {**PENDING, "kind": "iso"}, [(ACTION, "ISO.CREATE", "Started")]),
        (
            "volume",
            "",
            PENDING,
            [(STATE, "UploadRequested", "UploadOp"), (ACTION, "VOLUME.UPLOAD", "Started")],
        ),
        (
            "volume",
            "pending",
            READY,
            [(STATE, "OperationSucceeded", "Uploaded"), (ACTION, "VOLUME.UPLOAD", "Completed")],
        ),
        (
            "volume",
            "pending",
            {**READY, "template_id": "t"},
            [(STATE, "OperationSucceeded", "Ready"), (ACTION, "VOLUME.CREATE", "Completed")],
        ),
        (
            "volume",
            "",
            {**PENDING, "template_id": "t"},
            [(STATE, "CreateRequested", "Creating"), (ACTION, "VOLUME.CREATE", "Started")],
        ),
        (
            "volume",
            "ready",
            REMOVED,
            [(STATE, "OperationSucceeded", "Expunged"), (ACTION, "VOLUME.DELETE", "Completed")],
        ),
        (
            "snapshot",
            "pending",
            FAILED,
            [(STATE, "OperationFailed", "Error"), (ACTION, "SNAPSHOT.CREATE", "Completed")],
        ),
        (
            "snapshot",
            "ready",
            REMOVED,
            [(STATE, "OperationSucceeded", "Destroyed"), (ACTION, "SNAPSHOT.DELETE", "Completed")],
        ),
        ("zone", "", {}, []),
        ("store", "", {"state": "Up"}, []),
    ],
)
def test_a_change_in_cloudstacks_words(
    noun: str, was: str, state: dict[str, Any], expected: list[tuple[str, str, str]]
) -> None:
    assert changed(noun, was, **state) == expected


def test_a_failure_is_completed_with_an_error_in_its_words() -> None:
    body = {"state": {"kind": "template", "name": "deb", **FAILED}}
    (found,) = told(event("template", "t1", "TemplateChanged", was="pending", body=body))
    assert found.body["description"] == "Error while creating template: deb"
    assert found.body["eventDateTime"] == "2026-01-02 03:04:05 +0000"


@pytest.mark.parametrize(
    ("type", "source", "status"),
    [
        ("CopyStarted", "S3 s1: template/t1", "Started"),
        ("CopyCompleted", "S3 s1: template/t1", "Completed"),
        ("CopyFailed", "S3 s1: template/t1", "Completed"),
        ("CopyCompleted", "URL of template/t1", None),
        ("CopyPlanned", "S3 s1: template/t1", None),
    ],
)
def test_a_copy_between_stores_is_told_of_its_object(
    type: str, source: str, status: str | None
) -> None:
    state = {
        "object": {"kind": "template", "id": "t1"},
        "source": source,
        "destination": "NFS n1",
        "account_id": "a1",
        "state": "done",
    }
    found = told(event("copy", "c1", type, body={"state": state}))
    assert [each.body["status"] for each in found] == ([status] if status else [])
    for each in found:
        assert (each.body["event"], each.uuid, each.body["account"]) == (
            "TEMPLATE.COPY",
            "t1",
            "a1",
        )
        key = "management-server.ActionEvent.TEMPLATE-COPY.Template.t1"
        assert each.key("management-server") == key


def test_parts_of_a_key_hold_no_dots_and_are_never_empty() -> None:
    (alert,) = told_or_own(event("sink", "k1", "SinkGap", body={"sink_id": "k1"}))
    assert alert.key("a.b") == "a-b.AlertEvent.ALERT-MANAGEMENT.*.*"


@given(st.lists(st.integers(0, 4), max_size=30))
def test_waves_keep_the_order_of_each_subject(subjects: list[int]) -> None:
    events = [event(key=f"z{key}", sequence=place) for place, key in enumerate(subjects)]
    found = list(waves(events))
    for wave in found:
        assert len({each.subject for each in wave}) == len(wave)
    flat = [each for wave in found for each in wave]
    assert sorted(each.sequence for each in flat) == [*range(len(subjects))]
    for key in set(subjects):
        mine = [each.sequence for each in flat if each.subject_id == f"z{key}"]
        assert mine == sorted(mine)


def test_attributes_without_a_value_are_left_out() -> None:
    told = event(account="*").attributes
    assert set(told) == {
        "specversion",
        "id",
        "source",
        "type",
        "subject",
        "time",
        "datacontenttype",
    }
    message = binary(event(sequence=3, account="a1"))
    assert message.headers["cloudEvents:sequence"] == 3
    assert "cloudEvents:datacontenttype" not in message.headers
    assert message.content_type == "application/json"


@pytest.mark.parametrize(
    ("account", "word"), [("", "public"), ("*", "operators"), ("a.b-1", "a-b-1")]
)
def test_a_key_says_whose_it_is(account: str, word: str) -> None:
    assert key_of(event(account=account)) == f"zone.ZoneAdded.{word}"


def test_a_signature_is_that_of_the_published_example() -> None:
    """The example of Standard Webhooks' specification."""
    key = SinkKey.model_validate({"text": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"})
    at = datetime.fromtimestamp(1614265330, UTC)
    made = signatures([key], "msg_p5jXN8AQM9LWM0D4loKWxJek", b'{"test": 2432232314}', at)
    assert made == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def test_secrets_are_sealed_for_their_row_and_hidden_in_words() -> None:
    cipher = RowCipher(SinkKey.model_validate({"text": make()["stowage_at_rest_key"]}).text)
    kept = SinkSecrets.model_validate({"url": "https://h/x?t=canary", "keys": [{"text": "s" * 16}]})
    sealed = kept.sealed("k1", cipher)
    assert "canary" not in sealed + repr(kept)
    assert SinkSecrets.opened(sealed, "k1", cipher) == kept
    with pytest.raises(Exception, match="sealed for another row"):
        SinkSecrets.opened(sealed, "k2", cipher)


def test_at_most_two_secrets_sign_and_only_for_their_time() -> None:
    kept = SinkSecrets.model_validate({"url": "", "keys": [{"text": new_secret()}]})
    first = kept.keys[0].text
    for _ in range(3):
        kept = kept.rotated(new_secret(), NOW)
    assert len(kept.keys) == 2
    assert kept.keys[0].signs(NOW)
    assert not kept.keys[1].signs(NOW)
    assert first not in [key.text for key in kept.keys]


@given(st.floats(0.01, 100_000))
def test_a_pace_takes_up_no_more_than_half_a_second_allows(rate: float) -> None:
    pace = Pace(rate)
    assert 1 <= pace.most <= 100
    assert pace.most <= max(1, rate / 2 + 1)
    assert pace.rest(1) == pytest.approx(1 / rate, abs=0.01)
