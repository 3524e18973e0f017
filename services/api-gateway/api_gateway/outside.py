"""What the gateway takes from outside and tells outside, as part of the AsyncAPI document."""

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema
from stowage_contracts.errors import Problem
from stowage_contracts.message import Kind
from stowage_contracts.messages import MESSAGES
from stowage_contracts.sinks import SinkGap, SinkTest
from stowage_contracts.topology import Topology

from api_gateway.ingress import FOREIGN
from api_gateway.sinks.broker import ADMINS, NOBODYS

_SCHEMAS = "#/components/schemas/"
_REF = f"{_SCHEMAS}{{model}}"
_TEXT: dict[str, Any] = {"type": "string"}
_NUMBER: dict[str, Any] = {"type": "integer", "minimum": 0}
_TIME: dict[str, Any] = {"type": "string", "format": "date-time"}
_ATTRIBUTES: Mapping[str, dict[str, Any]] = {
    "specversion": {"const": "1.0"},
    "id": _TEXT,
    "source": _TEXT,
    "type": _TEXT,
    "subject": {**_TEXT, "description": "<noun>/<id>"},
    "time": _TIME,
    "datacontenttype": {"const": "application/json"},
    "sequence": {**_NUMBER, "description": "Counts the events of a source and subject, from 1."},
    "position": {**_TEXT, "description": "Its place in the feed; SSE's id."},
    "accountid": {**_TEXT, "description": "Whose the subject is."},
    "was": {**_TEXT, "description": "In a word, how it was with the subject before."},
    "correlationid": _TEXT,
    "causationid": _TEXT,
    "traceparent": _TEXT,
}
_ALWAYS = ("specversion", "id", "source", "type", "subject", "time")
_SIGNED = {
    "webhook-id": {**_TEXT, "description": "The event's id; of a batch, one of its own."},
    "webhook-timestamp": {**_TEXT, "description": "Seconds since 1970, when it was sent."},
    "webhook-signature": {
        **_TEXT,
        "description": "v1,<base64 of HMAC-SHA256 over `id.timestamp.body`>, one for each secret "
        "that is valid, with spaces between.",
    },
    "stowage-sink": _TEXT,
}
_CLOUDSTACK_SIGNED = {
    "x-cs-event-id": _TEXT,
    "x-cs-event": _TEXT,
    "x-cs-signature": {**_TEXT, "description": "base64 of HMAC-SHA256 over the body."},
}


def describe(document: dict[str, Any]) -> dict[str, Any]:
    """The bus' document with the gateway's doors."""
    told = {**_out(), **_in()}
    channels = {name: channel for name, (channel, _) in told.items()}
    operations = {
        f"{action}{name[0].upper()}{name[1:]}": _operation(name, action)
        for name, (_, action) in told.items()
    }
    schemas = {**document["components"]["schemas"], **_schemas()}
    return {
        **document,
        "channels": {**document["channels"], **channels},
        "operations": {**document["operations"], **operations},
        "components": {**document["components"], "schemas": schemas},
    }


def _out() -> dict[str, tuple[dict[str, Any], str]]:
    stream = _channel("GET /v1/events: server-sent events.", _message("StreamedEvent", {}))
    errors = _exchange(
        "{type}",
        "What was refused, answered to who sent it; see its correlation id.",
        _message("Problem", {}),
        Topology().errors,
    )
    told = {**_webhooks(), **_exchanges(), "events": stream, "errors": errors}
    return {name: (channel, "send") for name, channel in told.items()}


def _webhooks() -> dict[str, dict[str, Any]]:
    event, batch = _message("OutgoingEvent", _SIGNED), _message("OutgoingBatch", _SIGNED)
    cloudstack = _message("CloudStackBody", _CLOUDSTACK_SIGNED)
    as_theirs = "A webhook's URL: events as CloudStack 4.20's webhooks."
    return {
        "webhook": _channel("A webhook's URL: CloudEvents by HTTP POST.", event, batch),
        "webhookCloudStack": _channel(as_theirs, cloudstack),
    }


def _exchanges() -> dict[str, dict[str, Any]]:
    headers = {f"cloudEvents:{name}": dict(schema) for name, schema in _ATTRIBUTES.items()}
    return {
        "exchange": _exchange(
            "{noun}.{type}.{account}",
            "A sink's exchange: CloudEvents in binary mode. Of what is nobody's the account "
            f"is `{NOBODYS}`, of what only operators see `{ADMINS}`.",
            _message("OutgoingData", headers),
        ),
        "exchangeCloudStack": _exchange(
            "{source}.{category}.{type}.{resource}.{uuid}",
            "A sink's exchange: events as CloudStack's RabbitMQ event bus.",
            _message("CloudStackBody", {}),
        ),
    }


def _in() -> dict[str, tuple[dict[str, Any], str]]:
    return {
        f"ingress{name}": (
            _exchange(
                name,
                (kind.__doc__ or "").strip(),
                _message(f"Foreign{name}", {}),
                Topology().ingress,
            ),
            "receive",
        )
        for name, (kind, _) in FOREIGN.items()
    }


def _schemas() -> dict[str, Any]:
    events = [name for name, kind in MESSAGES.items() if kind.kind is Kind.EVENT]
    data = {"anyOf": [{"$ref": _SCHEMAS + name} for name in (*events, "SinkGap", "SinkTest")]}
    attributes = {name: dict(schema) for name, schema in _ATTRIBUTES.items()}
    event = _object({**attributes, "data": {"$ref": f"{_SCHEMAS}OutgoingData"}}, (*_ALWAYS, "data"))
    streamed = {
        **dict.fromkeys(("event", "source", "type", "noun", "id"), _TEXT),
        "sequence": _NUMBER,
        "at": _TIME,
        "data": {"type": "object"},
    }
    made: list[type[BaseModel]] = [SinkGap, SinkTest, Problem]
    return {
        "OutgoingData": data,
        "OutgoingEvent": event,
        "OutgoingBatch": {"type": "array", "items": {"$ref": f"{_SCHEMAS}OutgoingEvent"}},
        "StreamedEvent": _object(streamed, tuple(streamed)),
        "CloudStackBody": {"type": "object", "additionalProperties": _TEXT},
        **_models(made),
        **_foreign(),
    }


def _models(kinds: Iterable[type[BaseModel]]) -> dict[str, Any]:
    _, found = models_json_schema([(kind, "serialization") for kind in kinds], ref_template=_REF)
    defined: dict[str, Any] = found.get("$defs", {})
    return defined


def _foreign() -> dict[str, Any]:
    """Under names of their own: a foreign StoreAdded is not the event of that name."""
    found: dict[str, Any] = {}
    for name, (kind, _) in FOREIGN.items():
        own = f"Foreign{name}"
        schema = kind.model_json_schema(by_alias=True, ref_template=f"{_SCHEMAS}{own}.{{model}}")
        found |= {f"{own}.{part}": each for part, each in schema.pop("$defs", {}).items()}
        found[own] = schema
    return found


def _object(properties: Mapping[str, Any], required: Iterable[str]) -> dict[str, Any]:
    return {"type": "object", "properties": dict(properties), "required": list(required)}


def _message(payload: str, headers: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {"payload": {"$ref": _SCHEMAS + payload}}
    if headers:
        found["headers"] = _object(headers, ())
    return {payload: found}


def _channel(description: str, *messages: dict[str, Any]) -> dict[str, Any]:
    merged = {name: message for each in messages for name, message in each.items()}
    return {"address": None, "description": description, "messages": merged}


def _exchange(
    key: str, description: str, message: dict[str, Any], exchange: str = ""
) -> dict[str, Any]:
    kind: dict[str, Any] = {"type": "topic", "durable": True, "autoDelete": False}
    named = {"name": exchange} if exchange else {}
    words = [word[1:-1] for word in key.split(".") if word.startswith("{")]
    found = _channel(description, message) | {
        "address": key,
        "bindings": {"amqp": {"is": "routingKey", "exchange": {**named, **kind}}},
    }
    return {**found, **({"parameters": {word: {} for word in words}} if words else {})}


def _operation(name: str, action: str) -> dict[str, Any]:
    found: dict[str, Any] = {"action": action, "channel": {"$ref": f"#/channels/{name}"}}
    if name.startswith("webhook"):
        found["bindings"] = {"http": {"method": "POST"}}
    return found
