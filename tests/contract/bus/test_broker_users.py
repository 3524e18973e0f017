"""What an agent's broker user may do, and all that it may not, tried on the real broker."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

import aio_pika
import pytest
from aio_pika.abc import AbstractChannel
from aiormq.exceptions import ChannelAccessRefused, ChannelClosed
from stowage_contracts.envelope import Envelope
from stowage_contracts.errors import InvalidInput, Unavailable
from stowage_contracts.message import Kind
from stowage_contracts.messages.cache_autoscaler import CacheReserved
from stowage_contracts.messages.hypervisor_agent import Heartbeat, ListHops, ObjectInspected
from stowage_contracts.topology import Topology
from stowage_runtime.bus import Reader, Rejected
from stowage_runtime.bus.rabbit import RabbitBus
from stowage_runtime.bus.rabbit.broker_users import BrokerUsers
from stowage_runtime.testing.bus_words import (
    CACHE,
    CACHES,
    GATEWAY,
    LIMITS,
    MOTION,
    OWNER,
    STORE,
    Inbox,
    answered,
    question,
)
from stowage_runtime.testing.eventually import eventually
from yarl import URL

AGENT = Reader("agent.h1", durable=(ListHops,))
REPORT = ObjectInspected(host_id="h1", inspection_id="i1")


@dataclass(frozen=True)
class Site:
    """A broker with services declared and two agents admitted."""

    topology: Topology
    users: BrokerUsers
    service: RabbitBus
    agent: RabbitBus
    agent_url: str


@pytest.fixture
def users(rabbitmq_management_url: str, bus_prefix: str) -> BrokerUsers:
    return BrokerUsers(URL(rabbitmq_management_url), Topology(bus_prefix), limits=LIMITS)


@pytest.fixture
async def site(rabbitmq_url: str, bus_prefix: str, users: BrokerUsers) -> AsyncIterator[Site]:
    topology = Topology(bus_prefix)
    service = await RabbitBus(rabbitmq_url, topology, LIMITS).ready()
    for reader in (STORE, CACHES, GATEWAY):
        await service.declare(reader)
    await users.admit("h2")
    login = await users.admit("h1")
    url = URL(rabbitmq_url).with_user(login.user)
    url = url.with_password(login.password.get_secret_value())
    agent = await RabbitBus(str(url), topology, LIMITS).ready()
    yield Site(topology, users, service, agent, str(url))
    await agent.close()
    await service.close()


@pytest.fixture
async def raw(site: Site) -> AsyncIterator[Callable[[], Awaitable[AbstractChannel]]]:
    """Opens plain channels as the agent's user."""
    connection = await aio_pika.connect(site.agent_url)

    async def channel() -> AbstractChannel:
        return await connection.channel(publisher_confirms=True)

    yield channel
    await connection.close()


async def test_an_agent_consumes_its_queue_and_says_reports_signals_and_requests(
    site: Site,
) -> None:
    commands, reports, signals = Inbox(), Inbox(), Inbox()

    async def answer(asked: Envelope) -> Envelope:
        assert asked.source == "agent/h1"
        return answered(asked)

    await site.agent.listen(AGENT, commands)
    await site.service.listen(STORE, reports)
    await site.service.hear(GATEWAY, signals)
    await site.service.serve(CACHES, answer)
    said = Envelope.of(ListHops(host_id="h1", live=()), source=MOTION)
    await site.service.send(said, to="agent.h1")
    assert (await commands.has(1))[0] == said
    await site.agent.send(Envelope.of(REPORT, source="agent/h1"))
    assert (await reports.has(1))[0].message() == REPORT
    await site.agent.signal(Envelope.of(Heartbeat(host_id="h1", boot_id="b"), source="agent/h1"))
    await signals.has(1)
    asked = question().model_copy(update={"source": "agent/h1"})
    assert isinstance(await site.agent.request(asked, to=CACHE, seconds=10), CacheReserved)


async def test_an_agent_retries_in_place_and_its_dead_letters_can_be_replayed(site: Site) -> None:
    commands = Inbox(ValueError(), Rejected("no"))
    await site.agent.listen(AGENT, commands)
    said = Envelope.of(ListHops(host_id="h1", live=()), source=MOTION)
    await site.service.send(said, to="agent.h1")
    await commands.has(2)
    dead = site.service.dead_letters("hypervisor-agent")

    async def buried() -> bool:
        return len(await dead.entries()) == 1

    await eventually(buried)
    [letter] = await dead.entries()
    assert (letter.id, letter.reason.code) == (said.id, "broker.rejected")
    assert letter.queue == site.topology.agent("h1")
    await dead.replay(said.id)
    assert (await commands.has(3))[2] == said


async def test_a_command_that_always_fails_in_an_agent_is_buried(site: Site) -> None:
    commands = Inbox(*[ValueError()] * 20)
    await site.agent.listen(AGENT, commands)
    await site.service.send(
        Envelope.of(ListHops(host_id="h1", live=()), source=MOTION), to="agent.h1"
    )

    async def buried() -> bool:
        return len(await site.service.dead_letters("hypervisor-agent").entries()) == 1

    await eventually(buried)
    assert len(commands.got) == LIMITS.deliveries


@pytest.mark.parametrize("name", ["agent.h2", OWNER, f"{OWNER}.dead", f"{OWNER}.requests"])
async def test_an_agent_cannot_read_another_queue(
    site: Site, raw: Callable[[], Awaitable[AbstractChannel]], name: str
) -> None:
    channel = await raw()
    queue = await channel.get_queue(site.topology.queue(name), ensure=False)
    with pytest.raises(ChannelAccessRefused):
        await queue.consume(_ignore)
    channel = await raw()
    queue = await channel.get_queue(site.topology.queue(name), ensure=False)
    with pytest.raises(ChannelAccessRefused):
        await queue.get()
    channel = await raw()
    queue = await channel.get_queue(site.topology.queue(name), ensure=False)
    with pytest.raises(ChannelAccessRefused):
        await queue.purge()


@pytest.mark.parametrize(
    ("exchange", "key"),
    [
        ("events", "image-store.ZoneAdded"),
        ("events", "h1.HopCommitted"),
        ("commands", "image-store"),
        ("commands", "agent.h2"),
        ("ingress", "x"),
        ("errors", "x"),
        ("", "agent.h2"),
        ("reports", "h2.HopFinished"),
        ("reports", "h1.x.HopFinished"),
        ("reports", "HopFinished"),
        ("signals", "h2.Heartbeat"),
        ("signals", "data-motion.CopyProgressed"),
    ],
)
async def test_an_agent_cannot_publish_there(
    site: Site, raw: Callable[[], Awaitable[AbstractChannel]], exchange: str, key: str
) -> None:
    channel = await raw()
    name = site.topology.exchange(exchange) if exchange else ""
    target = await channel.get_exchange(name, ensure=False)
    with pytest.raises(ChannelAccessRefused):
        await target.publish(aio_pika.Message(b"{}"), key, timeout=10)


async def test_an_agent_cannot_declare_bind_or_delete(
    site: Site, raw: Callable[[], Awaitable[AbstractChannel]]
) -> None:
    own, other = site.topology.agent("h1"), site.topology.queue(OWNER)
    with pytest.raises(ChannelAccessRefused):
        await (await raw()).declare_queue("anything")
    with pytest.raises(ChannelAccessRefused):
        await (await raw()).declare_exchange("anything")
    for queue, exchange in ((own, "events"), (own, "commands"), (other, "reports")):
        channel = await raw()
        bound = await channel.get_queue(queue, ensure=False)
        with pytest.raises(ChannelAccessRefused):
            await bound.bind(site.topology.exchange(exchange), "agent.h2")
    with pytest.raises(ChannelAccessRefused):
        await (await raw()).queue_delete(own)


@pytest.mark.parametrize("claimed", ["agent/h2", "data-motion", "image-store"])
@pytest.mark.parametrize("named", [True, False])
async def test_a_report_in_another_name_is_dead_lettered(
    site: Site, raw: Callable[[], Awaitable[AbstractChannel]], claimed: str, named: bool
) -> None:
    reports = Inbox()
    await site.service.listen(STORE, reports)
    forged = Envelope.of(REPORT, source=claimed)
    user = URL(site.agent_url).user if named else None
    message = aio_pika.Message(
        forged.model_dump_json().encode(), user_id=user, message_id=forged.id
    )
    exchange = await (await raw()).get_exchange(site.topology.exchange(Kind.REPORT), ensure=False)
    await exchange.publish(message, "h1.ObjectInspected")
    await site.agent.send(Envelope.of(REPORT, source="agent/h1"))
    assert [item.source for item in await reports.has(1)] == ["agent/h1"]
    await eventually(lambda: _codes(site))
    [dead] = await site.service.dead_letters(OWNER).entries()
    assert (dead.id, dead.reason.code) == (forged.id, "not_authorized.forged_source")


async def test_replaying_a_forged_report_does_not_make_it_true(
    site: Site, raw: Callable[[], Awaitable[AbstractChannel]]
) -> None:
    reports = Inbox()
    await site.service.listen(STORE, reports)
    forged = Envelope.of(REPORT, source="agent/h2")
    message = aio_pika.Message(forged.model_dump_json().encode(), message_id=forged.id)
    exchange = await (await raw()).get_exchange(site.topology.exchange(Kind.REPORT), ensure=False)
    await exchange.publish(message, "h1.ObjectInspected")
    dead = site.service.dead_letters(OWNER)

    async def buried() -> bool:
        return len(await dead.entries()) == 1

    await eventually(buried)
    await dead.replay_all()
    await eventually(buried)
    assert reports.got == []


@pytest.mark.parametrize("claimed", ["agent/h2", "data-motion"])
@pytest.mark.parametrize("named", [True, False])
async def test_a_request_in_another_name_is_refused(
    site: Site, raw: Callable[[], Awaitable[AbstractChannel]], claimed: str, named: bool
) -> None:
    served = Inbox()

    async def answer(asked: Envelope) -> Envelope:
        await served(asked)
        return answered(asked)

    await site.service.serve(CACHES, answer)
    channel = await raw()
    replies: asyncio.Queue[aio_pika.abc.AbstractIncomingMessage] = asyncio.Queue()
    await (await channel.get_queue("amq.rabbitmq.reply-to", ensure=False)).consume(
        replies.put, no_ack=True
    )
    forged = question().model_copy(update={"source": claimed})
    message = aio_pika.Message(
        forged.model_dump_json().encode(),
        reply_to="amq.rabbitmq.reply-to",
        user_id=URL(site.agent_url).user if named else None,
    )
    exchange = await channel.get_exchange(site.topology.exchange(Kind.REQUEST), ensure=False)
    await exchange.publish(message, CACHE)
    reply = await asyncio.wait_for(replies.get(), 10)
    assert b"forged_source" in reply.body
    assert served.got == []


async def test_an_agent_cannot_use_another_users_name(
    site: Site, raw: Callable[[], Awaitable[AbstractChannel]]
) -> None:
    exchange = await (await raw()).get_exchange(site.topology.exchange(Kind.REPORT), ensure=False)
    other = site.topology.queue("agent.h2")
    with pytest.raises(ChannelClosed, match="user_id"):
        await exchange.publish(aio_pika.Message(b"{}", user_id=other), "h1.HopFinished")


async def test_admitting_again_cuts_off_the_old_password_and_keeps_the_queue(site: Site) -> None:
    await site.service.send(
        Envelope.of(ListHops(host_id="h1", live=()), source=MOTION), to="agent.h1"
    )
    login = await site.users.admit("h1")
    assert login.password.get_secret_value() not in repr(login)
    await eventually(lambda: not site.agent.connected, 20)
    url = URL(site.agent_url).with_password(login.password.get_secret_value())
    again = await RabbitBus(str(url), site.topology, LIMITS).ready()
    commands = Inbox()
    await again.listen(AGENT, commands)
    await commands.has(1)
    await again.close()
    old = RabbitBus(site.agent_url, site.topology, LIMITS)
    with pytest.raises(Unavailable, match="ACCESS_REFUSED"):
        await old.ready()
    await old.close()


async def test_a_dismissed_agent_is_cut_off(site: Site) -> None:
    await site.agent.listen(AGENT, Inbox())
    await site.users.dismiss("h1")
    await site.users.dismiss("h1")
    await eventually(lambda: not site.agent.connected, 20)
    with pytest.raises(Unavailable) as caught:
        await site.service.send(
            Envelope.of(ListHops(host_id="h1", live=()), source=MOTION), to="agent.h1"
        )
    assert caught.value.code == "unavailable.unroutable"


@pytest.mark.parametrize("host_id", ["a.b", "data-motion", "x.dead"])
async def test_a_host_id_that_could_pass_for_something_else_is_refused(
    users: BrokerUsers, host_id: str
) -> None:
    with pytest.raises(InvalidInput, match="host id"):
        await users.admit(host_id)


async def test_a_management_api_that_does_not_answer_is_unavailable(bus_prefix: str) -> None:
    users = BrokerUsers(URL("http://guest:guest@127.0.0.1:9"), Topology(bus_prefix))
    with pytest.raises(Unavailable, match="Connect"):
        await users.admit("h1")


async def _ignore(_message: object) -> None:
    """Never called."""


async def _codes(site: Site) -> bool:
    return bool(await site.service.dead_letters(OWNER).entries())
