"""The typed client against a real gateway."""

import asyncio

import pytest
from api_gateway.deps import Deps
from stowage_client import Client
from stowage_client.watching import copy_updates, settled, settled_store
from stowage_contracts.errors import InvalidInput, NotAuthorized, NotFound, TooMany, Unavailable
from stowage_contracts.messages.image_store import AddStore, AddZone, RegisterTemplate
from stowage_contracts.views import CopyView
from stowage_runtime.http.server import HttpServer
from stowage_runtime.testing.bench import ServiceBench

from tests.servers.ports import free_ports
from tests.servers.proxy import Proxy
from tests.unit.api_gateway import words
from tests.unit.api_gateway.conftest import ADMIN_KEY
from tests.unit.api_gateway.test_read_models import progress

Bench = ServiceBench[Deps]


async def test_a_list_goes_on_from_page_to_page(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stowage_client.nouns.collection.PAGE", 2)
    for number in range(5):
        await client.zones.add("zone", id=f"z{number}")
    assert [zone.id async for zone in client.zones.list()] == ["z4", "z3", "z2", "z1", "z0"]


async def test_places_and_hosts_are_made_and_shown(client: Client) -> None:
    zone = await client.zones.add("one")
    pod = await client.pods.add("pod", zone_id=zone.id)
    cluster = await client.clusters.add("cluster", pod_id=pod.id, hypervisor="KVM")
    host = await client.hosts.add("kvm", "KVM", cluster_id=cluster.id)
    assert (await client.hosts.show(host.id)).location.zone_id == zone.id
    again = await client.hosts.token(host.id)
    assert again.join_token != host.join_token


async def test_problems_come_back_as_typed_errors(client: Client) -> None:
    with pytest.raises(NotFound) as missing:
        await client.zones.show("nobody")
    assert missing.value.resource == "zone/nobody"
    with pytest.raises(InvalidInput, match="colour"):
        await client.zones.add("z", colour="red")


async def test_a_wrong_key_is_refused(url: str) -> None:
    async with Client(url, "wrong") as client:
        with pytest.raises(NotAuthorized):
            await client.zones.add("z")


async def test_a_server_that_is_no_gateway_is_told_apart() -> None:
    async def greet(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\nwhat")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(greet, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, Client(f"http://127.0.0.1:{port}", "key") as client:
        with pytest.raises(InvalidInput) as refused:
            await client.zones.show("z1")
    assert refused.value.code == "invalid.answer"


async def test_a_gateway_that_is_away_is_tried_again(
    bench: Bench, server: HttpServer[Deps]
) -> None:
    port = server.port
    await server.stop()
    async with Client(f"http://127.0.0.1:{port}", ADMIN_KEY) as client:
        adding = asyncio.create_task(client.zones.add("one", id="z1"))
        await asyncio.wait([adding], timeout=0.3)
        await server.start()
        assert (await adding).id == "z1"


async def test_patience_ends() -> None:
    (port,) = free_ports(1)
    async with Client(f"http://127.0.0.1:{port}", "key", patience=0.1) as client:
        with pytest.raises(Unavailable) as away:
            await client.zones.show("z1")
    assert away.value.code == "unavailable.gateway"


async def test_a_request_whose_answer_was_lost_is_done_once(
    bench: Bench, server: HttpServer[Deps]
) -> None:
    async with (
        Proxy("127.0.0.1", server.port) as proxy,
        Client(f"http://127.0.0.1:{proxy.port}", ADMIN_KEY) as client,
    ):
        proxy.delay = 0.2
        adding = asyncio.create_task(client.zones.add("one"))
        while not await bench.said(AddZone):  # it arrived; its answer is held back
            await asyncio.sleep(0.01)
        await proxy.cut()
        proxy.delay = 0
        await proxy.restore()
        zone = await adding
    assert [said.subject for said in await bench.said(AddZone)] == [f"zone/{zone.id}"]


async def test_events_go_on_after_a_lost_connection(bench: Bench, server: HttpServer[Deps]) -> None:
    async with (
        Proxy("127.0.0.1", server.port) as proxy,
        Client(f"http://127.0.0.1:{proxy.port}", ADMIN_KEY) as client,
        client.events(noun="zone") as stream,
    ):
        events = aiter(stream)
        await bench.handle(words.zone("z1"), sequence=1)
        first = await anext(events)
        await proxy.cut()
        await bench.handle(words.zone("z2"), sequence=1)
        await proxy.restore()
        second = await anext(events)
        await events.aclose()
    assert first is not None
    assert second is not None
    assert (first.id, second.id) == ("z1", "z2")


async def test_a_stream_that_saw_nothing_says_that_it_may_have_missed_something(
    server: HttpServer[Deps],
) -> None:
    async with (
        Proxy("127.0.0.1", server.port) as proxy,
        Client(f"http://127.0.0.1:{proxy.port}", ADMIN_KEY) as client,
        client.events() as stream,
    ):
        events = aiter(stream)
        await proxy.cut()
        await proxy.restore()
        assert await anext(events) is None
        await events.aclose()


async def test_a_copy_is_followed_to_its_end(client: Client, bench: Bench) -> None:
    await bench.handle(words.planned("c1"), sequence=1)
    seen: list[CopyView] = []
    async for view in copy_updates(client, "c1"):
        seen.append(view)
        if len(seen) == 1:
            await bench.hear(progress(40))
        if view.transfer.bytes_done == 40:
            await bench.handle(words.planned("c1", state="done"), sequence=2)
    assert list(dict.fromkeys(view.state for view in seen)) == ["planned", "running", "done"]


async def test_a_followed_copy_never_goes_back(client: Client, bench: Bench) -> None:
    order = ("requested", "planned", "running", "done")
    await bench.handle(words.planned("c1", state="requested"), sequence=1)
    seen: list[str] = []
    async for view in copy_updates(client, "c1"):
        seen.append(view.state)
        if len(seen) == 1:
            await bench.handle(words.planned("c1"), sequence=2)
            await bench.hear(progress(40))
        if view.transfer.bytes_done == 40:
            await bench.handle(words.planned("c1", state="done"), sequence=3)
    assert seen == sorted(seen, key=order.index)
    assert seen[-1] == "done"


async def test_a_template_and_a_store_are_waited_for(client: Client, bench: Bench) -> None:
    made = await client.templates.add("disk", "raw", url="http://images/disk", id="t1")
    store = await client.stores.add("s", "directory", id="s1")
    waiting = asyncio.gather(settled(client.templates, made.id), settled_store(client, store.id))
    await bench.handle(words.template("t1", ready=True), sequence=1)
    await bench.handle(words.store("s1"), sequence=1)
    template, added = await waiting
    assert template.ready
    assert added.state == "Up"
    assert len(await bench.said(RegisterTemplate, AddStore)) == 2


async def test_accounts_get_their_keys(client: Client, url: str) -> None:
    keys = await client.add_account("someone")
    async with Client(url, keys.api_key.get_secret_value()) as mine:
        assert [zone async for zone in mine.zones.list()] == []
    assert keys.api_key.get_secret_value() not in repr(keys)


async def test_one_over_its_share_asks_again_when_it_may() -> None:
    asked = 0

    async def refuse_first(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal asked
        asked += 1
        told = TooMany("too fast", code="requests", retry_after=0.01).problem
        body = told.model_dump_json() if asked == 1 else '{"id": "z1", "name": "one"}'
        status = "429 Too Many Requests" if asked == 1 else "202 Accepted"
        head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nConnection: close\r\n"
        writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n{body}".encode())
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(refuse_first, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, Client(f"http://127.0.0.1:{port}", "key") as client:
        assert (await client.zones.add("one")).id == "z1"
    assert asked == 2
