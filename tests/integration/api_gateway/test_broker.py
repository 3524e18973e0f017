"""The gateway and its broker: events in, commands out, and a while without."""

import asyncio

from stowage_contracts.envelope import Envelope
from stowage_contracts.messages.data_motion import CopyProgressed
from stowage_contracts.messages.hypervisor_agent import ListHops
from stowage_contracts.messages.image_store import AddZone, ZoneAdded
from stowage_contracts.topology import Topology
from stowage_contracts.views import ZoneView
from stowage_runtime.bus import Reader
from stowage_runtime.bus.rabbit import RabbitBus
from stowage_runtime.testing.bus_words import Inbox
from stowage_runtime.testing.eventually import eventually

from tests.integration.api_gateway.conftest import Site
from tests.unit.api_gateway import words
from tests.unit.api_gateway.test_read_models import progress


async def joined(site: Site) -> None:
    """Wait until the gateway has declared its queues and hears."""

    async def heard() -> bool:
        probe = ZoneAdded(state=ZoneView(id="probe", name="probe"))
        await site.peer.send(said(probe, 1), mandatory=False)
        return (await site.api.get("/v1/zones/probe")).status == 200

    await eventually(heard, 20)


def said(message: ZoneAdded, sequence: int) -> Envelope:
    return Envelope.of(message, source="image-store", sequence=sequence)


async def test_a_request_reaches_its_owner_and_the_owners_word_is_shown(site: Site) -> None:
    await joined(site)
    await site.api.post("/v1/zones", {"id": "z1", "name": "asked"})
    (envelope,) = await site.owner.has(1)
    assert envelope.message() == AddZone(zone_id="z1", name="asked")
    await site.peer.send(said(words.zone("z1", "true"), 1))

    async def shown() -> bool:
        return bool((await site.api.get("/v1/zones/z1")).body["name"] == "true")

    await eventually(shown)


async def test_progress_reaches_who_follows_the_copy(site: Site) -> None:
    await joined(site)
    planned = Envelope.of(words.planned("c1"), source="data-motion", sequence=1)
    await site.peer.send(planned, mandatory=False)

    async def known() -> bool:
        return (await site.api.get("/v1/copies/c1")).status == 200

    await eventually(known)
    async with site.api.events("?noun=copy&id=c1") as events:
        figures: CopyProgressed = progress(40)
        await site.peer.signal(Envelope.of(figures, source="data-motion"))
        told = await events.next()
        if told["type"] == "CopyPlanned":  # it had only just been committed
            told = await events.next()
    assert told["data"]["transfer"]["bytes_done"] == 40


async def test_without_broker_requests_are_taken_and_sent_later(site: Site) -> None:
    await joined(site)
    await site.line.cut()
    answers = [await site.api.post("/v1/zones", {"id": f"z{n}", "name": "z"}) for n in range(3)]
    assert [answer.status for answer in answers] == [202, 202, 202]
    assert (await site.api.get("/v1/zones/z1")).status == 200
    ready = await site.api.get("/readyz")
    broker = next(check for check in ready.body["checks"] if check["name"] == "broker")
    assert (ready.status, broker["needed"]) == (200, False)
    assert site.owner.got == []
    await site.line.restore()
    async with asyncio.timeout(30):
        arrived = await site.owner.has(3)
    assert {envelope.subject for envelope in arrived} == {"zone/z0", "zone/z1", "zone/z2"}


async def test_an_enrolled_agents_user_hears_its_own_queue(site: Site, bus_prefix: str) -> None:
    await joined(site)
    host = {"id": "h1", "name": "kvm", "hypervisor": "KVM"}
    token = (await site.api.post("/v1/hosts", host)).body["join_token"]
    enrolled = await site.api.as_account("").post("/v1/hosts/h1/enrol", {"token": token})
    assert enrolled.status == 200
    identity = enrolled.body
    assert (identity["host_id"], identity["bus_prefix"]) == ("h1", bus_prefix)
    assert identity["ticket_verify_key"]
    agent, inbox = RabbitBus(identity["amqp_url"], Topology(bus_prefix)), Inbox()
    await agent.ready()
    try:
        await agent.listen(Reader("agent.h1", durable=(ListHops,)), inbox)
        command = ListHops(host_id="h1", live=())
        await site.peer.send(Envelope.of(command, source="data-motion"), to="agent.h1")
        (heard,) = await inbox.has(1)
        assert heard.message() == command
    finally:
        await agent.close()
    again = await site.api.as_account("").post("/v1/hosts/h1/enrol", {"token": token})
    assert again.status == 401
