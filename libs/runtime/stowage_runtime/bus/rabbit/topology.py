"""Declares one reader's exchanges, queues and bindings on RabbitMQ."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from aio_pika import ExchangeType
from aio_pika.abc import AbstractChannel
from aio_pika.exceptions import ChannelPreconditionFailed
from stowage_contracts.errors import Conflict
from stowage_contracts.message import Kind
from stowage_contracts.topology import REQUEST_TTL_SECONDS, Topology, bindings

from stowage_runtime.bus import Reader
from stowage_runtime.bus.limits import BusLimits

QUORUM: dict[str, Any] = {"x-queue-type": "quorum"}
SAFE = {**QUORUM, "x-overflow": "reject-publish", "x-dead-letter-strategy": "at-least-once"}
"""Moves a dead letter only when its new queue has confirmed it."""
BROWSED = 1_000_000
"""Looking at a dead letter counts as a delivery; RabbitMQ 4 gives up after 20 by default."""
TOPICS = (Kind.EVENT, Kind.REPORT, Kind.SIGNAL)
DIRECT = (Kind.COMMAND, Kind.REQUEST)


@dataclass(frozen=True)
class QueuePlan:
    """A queue with its arguments and the (exchange, key) pairs bound to it."""

    name: str
    arguments: dict[str, Any]
    keys: tuple[tuple[str, str], ...] = field(default=())


def exchanges(topology: Topology) -> Iterator[tuple[str, ExchangeType]]:
    """Every exchange of the prefix."""
    yield from ((topology.exchange(kind), ExchangeType.TOPIC) for kind in TOPICS)
    yield from ((topology.exchange(kind), ExchangeType.DIRECT) for kind in DIRECT)
    yield from ((name, ExchangeType.TOPIC) for name in (topology.ingress, topology.errors))


def queues(reader: Reader, topology: Topology, limits: BusLimits) -> Iterator[QueuePlan]:
    """The queues of a service, dead letters first; none for an agent, whose enrolment made it."""
    if reader.name.startswith("agent."):
        return
    main = topology.queue(reader.name)
    yield dead_queue(topology, reader.name, limits)
    yield work_queue(main, topology.queue(reader.name, "dead"), limits, _durable(reader, topology))
    yield from (
        QueuePlan(
            topology.queue(reader.name, f"retry.{step}"),
            {**SAFE, "x-message-ttl": int(seconds * 1000), **_dead_to(main)},
        )
        for step, seconds in enumerate(limits.ladder, 1)
    )
    if reader.requests:
        ttl = {"x-message-ttl": REQUEST_TTL_SECONDS * 1000}
        keys = ((topology.exchange(Kind.REQUEST), reader.name),)
        yield QueuePlan(topology.queue(reader.name, "requests"), ttl, keys)
    if reader.signals:
        yield _signals(reader, topology, limits)
    if reader.ingress:
        name, dead = topology.queue(reader.name, "ingress"), topology.queue(reader.name, "dead")
        yield work_queue(name, dead, limits, ((topology.ingress, "#"),))


def work_queue(
    name: str, dead: str, limits: BusLimits, keys: tuple[tuple[str, str], ...]
) -> QueuePlan:
    """A quorum queue whose poison ends up in ``dead``."""
    arguments = {
        **SAFE,
        **_dead_to(dead),
        "x-delivery-limit": limits.deliveries,
        "x-max-length": limits.queue_length,
    }
    return QueuePlan(name, arguments, keys)


def dead_queue(topology: Topology, service: str, limits: BusLimits) -> QueuePlan:
    """Where a service's dead letters stay until somebody replays them."""
    arguments = {
        **QUORUM,
        "x-overflow": "reject-publish",
        "x-max-length": limits.queue_length,
        "x-delivery-limit": BROWSED,
    }
    return QueuePlan(topology.queue(service, "dead"), arguments)


async def declare(channel: AbstractChannel, topology: Topology, plans: list[QueuePlan]) -> None:
    """Create what is missing; raises Conflict when a queue exists with other arguments."""
    for name, kind in exchanges(topology):
        await channel.declare_exchange(name, kind, durable=True)
    for plan in plans:
        try:
            queue = await channel.declare_queue(plan.name, durable=True, arguments=plan.arguments)
        except ChannelPreconditionFailed as error:
            raise Conflict(
                f"queue {plan.name} exists with other arguments: {error}",
                resource=plan.name,
                hint="drain and delete that queue, then migrate again",
                code="topology",
            ) from error
        for exchange, key in plan.keys:
            await queue.bind(exchange, key)


def _durable(reader: Reader, topology: Topology) -> tuple[tuple[str, str], ...]:
    keys = {(topology.exchange(Kind.COMMAND), reader.name)}
    for message in reader.durable:
        if message.kind is not Kind.COMMAND:
            keys |= {(topology.exchange(kind), key) for kind, key in bindings(message)}
    return tuple(sorted(keys))


def _signals(reader: Reader, topology: Topology, limits: BusLimits) -> QueuePlan:
    arguments = {
        "x-max-length": limits.signal_length,
        "x-overflow": "drop-head",
        "x-message-ttl": REQUEST_TTL_SECONDS * 1000,
    }
    keys = tuple(
        (topology.exchange(kind), key)
        for message in reader.signals
        for kind, key in bindings(message)
    )
    return QueuePlan(topology.queue(reader.name, "signals"), arguments, keys)


def _dead_to(queue: str) -> dict[str, Any]:
    return {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": queue}
