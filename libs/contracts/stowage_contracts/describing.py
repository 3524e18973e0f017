"""Describes the messages: a JSON Schema for each, and the bus as AsyncAPI 3."""

from typing import Any

from pydantic.json_schema import models_json_schema

from stowage_contracts.message import Kind, Message
from stowage_contracts.messages import MESSAGES
from stowage_contracts.topology import Topology, bindings

_REF = "#/components/schemas/{model}"


def schema_of(message: type[Message]) -> dict[str, Any]:
    """JSON Schema of the message's ``data``; raises nothing."""
    schema = message.model_json_schema(mode="serialization")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def schemas() -> dict[str, dict[str, Any]]:
    """Every message's schema by file name: ``<Type>.v<version>.json``."""
    return {
        f"{name}.v{message.version}.json": schema_of(message)
        for name, message in sorted(MESSAGES.items())
    }


def asyncapi() -> dict[str, Any]:
    """The bus as an AsyncAPI 3.0.0 document."""
    _, definitions = models_json_schema(
        [(message, "serialization") for message in MESSAGES.values()], ref_template=_REF
    )
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Stowage bus",
            "version": "1.0.0",
            "description": "CloudEvents 1.0 in structured JSON on RabbitMQ; `data` is shown here.",
        },
        "defaultContentType": "application/cloudevents+json",
        "channels": {name: _channel(message) for name, message in sorted(MESSAGES.items())},
        "operations": {
            f"say{name}": {"action": "send", "channel": {"$ref": f"#/channels/{name}"}}
            for name in sorted(MESSAGES)
        },
        "components": {"schemas": definitions.get("$defs", {})},
    }


def _channel(message: type[Message]) -> dict[str, Any]:
    name = message.__name__
    return {
        "address": _address(message),
        "description": (message.__doc__ or "").strip(),
        "messages": {name: {"payload": {"$ref": f"#/components/schemas/{name}"}}},
        "bindings": {
            "amqp": {
                "is": "routingKey",
                "exchange": {
                    "name": Topology().exchange(message.kind),
                    "type": "direct" if message.kind in _DIRECT else "topic",
                    "durable": True,
                    "autoDelete": False,
                },
            }
        },
    }


_DIRECT = {Kind.COMMAND, Kind.REQUEST, Kind.REPLY}


def _address(message: type[Message]) -> str:
    """The routing key; an addressed message names its owner's queue."""
    return message.owner.value if message.kind in _DIRECT else bindings(message)[0][1]
