"""The AsyncAPI document is one by its authors' schema, and what goes out is what it says."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from api_gateway.ingress import FOREIGN
from api_gateway.outside import describe
from api_gateway.sinks.cloudstack import told
from api_gateway.sinks.outgoing import Outgoing
from stowage_contracts import describing
from stowage_contracts.envelope import Envelope
from stowage_contracts.message import Message
from stowage_contracts.sinks import SinkGap

from docs.generate import REFERENCE
from tests.unit.api_gateway import words

OFFICIAL = Path(__file__).parent / "official/asyncapi-3.0.0.json.gz"
MADE = describe(describing.asyncapi())
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def schema(name: str) -> dict[str, Any]:
    """A schema of the document, by which something can be checked."""
    return {"$ref": f"#/components/schemas/{name}", "components": MADE["components"]}


def outgoing(message: Message, **changes: Any) -> Outgoing:
    said = Envelope.of(message, source=message.owner.value)
    noun, _, key = said.subject.partition("/")
    fields = {"time": NOW, "body": said.data, "sequence": 1, "account": "a1", **changes}
    return Outgoing(said.id, said.source, said.type, noun, key, **fields)


@pytest.mark.parametrize("document", [MADE, "committed"], ids=["made", "committed"])
def test_the_document_is_valid_by_the_official_schema(document: Any) -> None:
    text = (REFERENCE / "asyncapi.json").read_text()
    official = json.loads(gzip.decompress(OFFICIAL.read_bytes()))
    found = json.loads(text) if document == "committed" else document
    errors = [
        f"{list(error.instance_path)}: {error.message[:200]}"
        for error in jsonschema_rs.validator_for(official).iter_errors(found)
    ]
    assert errors == []


def references(found: Any) -> set[str]:
    if isinstance(found, dict):
        own = {found["$ref"]} if isinstance(found.get("$ref"), str) else set()
        return own.union(*(references(each) for each in found.values()))
    return set().union(*(references(each) for each in found)) if isinstance(found, list) else set()


def test_every_reference_leads_somewhere() -> None:
    for reference in references(MADE):
        here: Any = MADE
        for step in reference.removeprefix("#/").split("/"):
            here = here[step]


@pytest.mark.parametrize(
    "message",
    [words.zone(), words.pool(), words.template("t1"), words.planned("c1"), words.host()],
    ids=lambda message: type(message).__name__,
)
def test_a_cloudevent_is_as_described(message: Message) -> None:
    event = outgoing(message, was="ready", links={"traceparent": "00-a-b-01"}).cloudevent
    jsonschema_rs.validate(schema("OutgoingEvent"), event)
    jsonschema_rs.validate(schema("OutgoingBatch"), [event, event])
    named = set(MADE["components"]["schemas"]["OutgoingEvent"]["properties"])
    assert set(event) <= named


def test_what_is_said_of_a_sink_itself_is_as_described() -> None:
    said = SinkGap(sink_id="k", after="1-1", until="2-2")
    event = Outgoing.about(said, "id", NOW).cloudevent
    jsonschema_rs.validate(schema("OutgoingEvent"), event)
    assert event["type"] == "SinkGap"


def test_a_cloudstack_body_is_as_described() -> None:
    (first, *_) = told(outgoing(words.volume("v1")))
    jsonschema_rs.validate(schema("CloudStackBody"), json.loads(first.payload))


def test_every_foreign_message_has_a_door() -> None:
    doors = {name for name, each in MADE["operations"].items() if each["action"] == "receive"}
    assert doors == {f"receiveIngress{name}" for name in FOREIGN}
