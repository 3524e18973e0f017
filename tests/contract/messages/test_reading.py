"""What contracts say a service hears is what it handles: migrate declares queues by it."""

from __future__ import annotations

from collections.abc import Iterable

import api_gateway.handlers
import cache_autoscaler.handlers
import data_motion.handlers
import image_store.handlers
import pytest
from stowage_contracts import reading
from stowage_contracts.message import Kind, Message
from stowage_contracts.messages import MESSAGES
from stowage_contracts.values import ServiceName

TABLES = {
    ServiceName.API_GATEWAY: api_gateway.handlers,
    ServiceName.IMAGE_STORE: image_store.handlers,
    ServiceName.DATA_MOTION: data_motion.handlers,
    ServiceName.CACHE_AUTOSCALER: cache_autoscaler.handlers,
}
FOR_AGENTS = {m for m in MESSAGES.values() if m.owner is ServiceName.HYPERVISOR_AGENT}


def named(messages: Iterable[type[Message]]) -> list[str]:
    return sorted(message.__name__ for message in messages)


@pytest.mark.parametrize("name", TABLES, ids=str)
def test_a_service_handles_what_it_is_said_to_hear(name: ServiceName) -> None:
    table = TABLES[name]
    assert named(table.HANDLERS) == named(reading.DURABLE[name])
    assert named(table.SIGNALS) == named(reading.SIGNALS.get(name, ()))
    requests = getattr(table, "REQUESTS", {})
    assert named(requests) == named(reading.REQUESTS.get(name, ()))


def test_every_message_has_a_reader() -> None:
    heard = {
        m
        for table in (reading.DURABLE, reading.REQUESTS, reading.SIGNALS)
        for messages in table.values()
        for m in messages
    }
    commands_to_agents = {m for m in FOR_AGENTS if m.kind is Kind.COMMAND}
    replies = {m for m in MESSAGES.values() if m.kind is Kind.REPLY}
    assert named(set(MESSAGES.values()) - heard - commands_to_agents - replies) == []
