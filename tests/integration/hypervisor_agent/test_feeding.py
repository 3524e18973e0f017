"""A door that feeds other agents, and hops that are fed, over real connections."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from hypervisor_agent.agent import Agent
from hypervisor_agent.engine.digest import leaves
from hypervisor_agent.engine.terms import Tools
from hypervisor_agent.feeding import client, feeds
from hypervisor_agent.feeding.feeds import Feed
from hypervisor_agent.feeding.wire import Wire
from hypervisor_agent.links import peers
from stowage_contracts.errors import ImageRefused, NotFound
from stowage_contracts.messages.hypervisor_agent import ExecuteHop, Peer, PeerTicket
from stowage_contracts.values import TREE_LEAF, Range, Receipt
from stowage_runtime.bus import Bus

from tests.integration.fetch.test_fetching import self_signed
from tests.integration.hypervisor_agent.cloud import HOST, Cloud, make_agent, running
from tests.integration.hypervisor_agent.kit import (
    MIB,
    GivenGrants,
    file_grant,
    hop,
    make_tools,
    noise,
    order,
    part_of,
    tree_digest,
    url_grant,
)
from tests.integration.hypervisor_agent.source_server import Source, serving

DATA = noise(24 * MIB) + bytes(20 * MIB) + noise(4 * MIB + 321, 2)
DIGEST = tree_digest(DATA)
KNOWN = leaves(memoryview(DATA))
WHOLE = (Range(offset=0, length=len(DATA)),)


class Shelf:
    """Leaves as image-store would give them."""

    def __init__(self, known: bytes) -> None:
        self._known = known

    async def get(self, digest: str, size: int) -> bytes:
        if not self._known:
            raise NotFound("no such leaves are kept", code="leaves")
        return self._known

    async def keep(self, digest: str, leaves: bytes, size: int) -> None:
        assert (digest, leaves, size) == (DIGEST, KNOWN, len(DATA))


@dataclass
class Feeder:
    """An agent with a door, and what it has of a hop."""

    cloud: Cloud
    agent: Agent
    file: Path
    done: tuple[Range, ...] = WHOLE
    scheme: str = "http"
    feed: Feed = field(init=False)

    @property
    def url(self) -> str:
        assert self.agent.door is not None
        return f"{self.scheme}://127.0.0.1:{self.agent.door.port}"

    def peer(self, name: str = "fed", /, **claims: Any) -> Peer:
        expires = datetime.now(UTC) + timedelta(minutes=5)
        facts = {"hop_id": name, "host_id": HOST, "reader_id": "host-2", "digest": DIGEST}
        ticket = PeerTicket.model_validate({**facts, "expires": expires, **claims})
        signed = self.cloud.signer().sign(ticket, ticket.expires)
        return Peer(host_id=HOST, hop_id=name, url=self.url, ticket=signed)

    @asynccontextmanager
    async def offers(self, name: str = "fed", file: Path | None = None) -> AsyncIterator[Feed]:
        self.feed = Feed(DIGEST, len(DATA), lambda: self.done)
        tools = self.agent.deps.tools
        async with tools.feeds.offered(name, self.feed, file or self.file, tools.threads):
            yield self.feed

    async def status(self, peer: Peer, span: str = "bytes=0-99") -> int:
        url = f"{peer.url}/p/{peer.hop_id}"
        headers = {"Range": span, "Authorization": f"Bearer {peer.ticket.get_secret_value()}"}
        async with aiohttp.ClientSession() as http, http.get(url, headers=headers) as answer:
            return answer.status


@pytest.fixture
async def feeder(cloud: Cloud, agent_bus: Bus, pool: Path, tmp_path: Path) -> AsyncIterator[Feeder]:
    facts = {"agent_door_listen": "127.0.0.1:0", "agent_door_url": "http://127.0.0.1:1"}
    (tmp_path / "arrived").write_bytes(DATA)
    async with running(make_agent(cloud, agent_bus, pool, **facts)) as agent:
        yield Feeder(cloud, agent, tmp_path / "arrived")


@pytest.fixture
def tools(tmp_path: Path) -> Tools:
    shelf = Shelf(KNOWN)
    return replace(make_tools(tmp_path), shelf=lambda _: shelf)


def fed_order(*given: Peer) -> ExecuteHop:
    return order(peers=given, digest=DIGEST, size=len(DATA))


async def run(asked: ExecuteHop, tools: Tools, root: Path, origin: str = "") -> Receipt:
    """Run it; without an origin nothing may redeem the source."""
    part = part_of(root, asked)

    def read() -> object:
        assert origin, "the origin was redeemed"
        return url_grant(origin)

    grants = GivenGrants(read, lambda _: file_grant(part, writes=True))  # type: ignore[arg-type]
    receipt = await hop(asked, grants, tools).run()
    assert part.read_bytes() == DATA
    return receipt


async def test_a_fed_hop_never_touches_its_origin_and_zeros_never_travel(
    feeder: Feeder, tools: Tools, tmp_path: Path
) -> None:
    async with feeder.offers():
        receipt = await run(fed_order(feeder.peer()), tools, tmp_path)
    zero_leaves = 20 * MIB // TREE_LEAF
    assert receipt.digest == DIGEST
    assert receipt.bytes_fed == receipt.bytes_read == len(DATA) - zero_leaves * TREE_LEAF


async def test_ranges_are_waited_for_while_they_arrive(
    feeder: Feeder, tools: Tools, tmp_path: Path
) -> None:
    feeder.done = ()
    async with feeder.offers() as feed, asyncio.TaskGroup() as group:
        moving = group.create_task(run(fed_order(feeder.peer()), tools, tmp_path))
        for end in range(8 * MIB, len(DATA) + 8 * MIB, 8 * MIB):
            await asyncio.sleep(0)
            feeder.done = (Range(offset=0, length=min(end, len(DATA))),)
            feed.wake()
        receipt = await moving
    assert receipt.digest == DIGEST


async def test_a_lying_peer_is_dropped_for_the_next(
    feeder: Feeder, tools: Tools, tmp_path: Path
) -> None:
    lies = bytearray(DATA)
    lies[9 * MIB] ^= 1
    (tmp_path / "lies").write_bytes(lies)
    async with feeder.offers("lies", tmp_path / "lies"), feeder.offers():
        asked = fed_order(feeder.peer("lies"), feeder.peer())
        receipt = await run(asked, tools, tmp_path)
    assert receipt.digest == DIGEST


async def test_with_liars_only_the_origin_is_read_for_what_they_spoiled(
    feeder: Feeder, tools: Tools, tmp_path: Path
) -> None:
    lies = bytearray(DATA)
    lies[9 * MIB] ^= 1
    (tmp_path / "lies").write_bytes(lies)
    async with feeder.offers("lies", tmp_path / "lies"), serving(Source(DATA)) as source:
        asked = fed_order(feeder.peer("lies"))
        receipt = await run(asked, tools, tmp_path, source.url)
        assert 0 < receipt.bytes_fed < len(DATA)
        assert source.sent < len(DATA)


async def test_a_lying_origin_is_refused_before_its_bytes_are_fed_on(
    feeder: Feeder, tools: Tools, tmp_path: Path
) -> None:
    lies = bytearray(DATA)
    lies[9 * MIB] ^= 1
    async with serving(Source(bytes(lies))) as source:
        asked = fed_order(feeder.peer("x", hop_id="another"))
        with pytest.raises(ImageRefused) as refused:
            await run(asked, tools, tmp_path, source.url)
    assert refused.value.code == "image.digest"


async def test_a_peer_that_vanishes_amid_an_answer_is_followed_by_the_next(
    feeder: Feeder, tools: Tools, tmp_path: Path
) -> None:
    async with feeder.offers("dies") as dying, feeder.offers():
        asked = fed_order(feeder.peer("dies"), feeder.peer())
        async with asyncio.TaskGroup() as group:
            moving = group.create_task(run(asked, tools, tmp_path))
            await asyncio.sleep(0.05)
            dying.close()
        assert moving.result().digest == DIGEST


async def test_without_kept_leaves_nobody_is_fed(
    feeder: Feeder, tools: Tools, tmp_path: Path
) -> None:
    bare = replace(tools, shelf=lambda _: Shelf(b""))
    async with feeder.offers(), serving(Source(DATA)) as source:
        receipt = await run(fed_order(feeder.peer()), bare, tmp_path, source.url)
        assert (receipt.bytes_fed, source.sent >= len(DATA)) == (0, True)


async def test_a_hop_feeds_others_while_it_moves_and_after_it_was_renamed(
    feeder: Feeder, tools: Tools, tmp_path: Path
) -> None:
    first = replace(tools, feeds=feeder.agent.deps.tools.feeds)
    async with serving(Source(DATA)) as source:
        leading = order(hop_id="fed", digest=DIGEST, size=len(DATA))
        await run(leading, first, tmp_path, source.url)
    part_of(tmp_path, leading).rename(tmp_path / "committed")
    receipt = await run(fed_order(feeder.peer()), tools, tmp_path)
    assert receipt.bytes_fed


async def test_a_fed_hop_goes_on_with_what_was_read_from_the_origin(
    feeder: Feeder, tools: Tools, tmp_path: Path
) -> None:
    part = part_of(tmp_path, order())
    async with serving(Source(DATA, stalls_at=17 * MIB)) as source:
        grants = GivenGrants(lambda: url_grant(source.url), lambda _: file_grant(part, writes=True))
        moving = asyncio.create_task(hop(order(digest=DIGEST, size=len(DATA)), grants, tools).run())
        await source.reached(8 * MIB)
        moving.cancel()
        await asyncio.wait([moving])
    async with feeder.offers():
        again = fed_order(feeder.peer()).model_copy(update={"epoch": 2})
        receipt = await run(again, tools, tmp_path)
    assert receipt.digest == DIGEST


@pytest.mark.parametrize(
    ("claims", "status"),
    [
        ({}, 206),
        ({"host_id": "host-9"}, 403),
        ({"hop_id": "other"}, 403),
        ({"digest": "sha256-tree-4m:" + "0" * 64}, 403),
        ({"expires": datetime(2020, 1, 1, tzinfo=UTC)}, 403),
    ],
)
async def test_a_ticket_opens_one_hop_at_one_host_for_its_time(
    feeder: Feeder, claims: dict[str, Any], status: int
) -> None:
    async with feeder.offers():
        assert await feeder.status(feeder.peer(**claims)) == status


@pytest.mark.parametrize(
    ("span", "status"),
    [("bytes=0-16777215", 206), ("bytes=0-16777216", 416), (f"bytes={len(DATA)}-", 416), ("", 400)],
)
async def test_a_range_is_wanted_and_it_is_limited(feeder: Feeder, span: str, status: int) -> None:
    async with feeder.offers():
        assert await feeder.status(feeder.peer(), span) == status


async def test_an_unknown_hop_is_not_found_and_a_late_range_is_too_early(
    feeder: Feeder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(peers, "WAIT_SECONDS", 0.1)
    assert await feeder.status(feeder.peer("ghost")) == 404
    feeder.done = ()
    async with feeder.offers():
        assert await feeder.status(feeder.peer()) == 425


async def test_a_feed_ends_with_its_time(feeder: Feeder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feeds, "LINGER_SECONDS", 0.05)
    async with feeder.offers():
        pass
    async with asyncio.timeout(5):
        while await feeder.status(feeder.peer()) != 404:
            await asyncio.sleep(0.01)


async def test_a_peer_that_cannot_be_reached_is_lost(tools: Tools) -> None:
    gone = Peer(host_id=HOST, hop_id="h", url="http://127.0.0.1:1", ticket="t")
    asker = client.PeerClient(gone, tools.wire.session(1))
    with pytest.raises(client.Lost):
        await asker.fetch(0, memoryview(bytearray(10)))
    await asker.close()


async def test_peers_are_who_their_authority_says(
    cloud: Cloud, agent_bus: Bus, pool: Path, tmp_path: Path, tools: Tools
) -> None:
    pem = self_signed(tmp_path / "door.pem")
    trusting = Wire.of(str(pem), plaintext=False)
    assert trusting.tls is not None
    trusting.tls.check_hostname = False
    facts = {"agent_door_listen": "127.0.0.1:0", "agent_door_url": "https://127.0.0.1:1"}
    (tmp_path / "arrived").write_bytes(DATA)
    async with running(make_agent(cloud, agent_bus, pool, agent_door_cert=str(pem), **facts)) as a:
        feeder = Feeder(cloud, a, tmp_path / "arrived", scheme="https")
        async with feeder.offers():
            receipt = await run(fed_order(feeder.peer()), replace(tools, wire=trusting), tmp_path)
            assert receipt.bytes_fed
            stranger = client.PeerClient(feeder.peer(), tools.wire.session(1))
            with pytest.raises(client.Lost):
                await stranger.fetch(0, memoryview(bytearray(10)))
            await stranger.close()


def test_a_door_elsewhere_is_reached_by_tls_only(tools: Tools) -> None:
    assert tools.wire.reaches("https://kvm7.example:8443")
    assert tools.wire.reaches("http://127.0.0.1:8443")
    assert not tools.wire.reaches("http://kvm7.example:8443")
    assert replace(tools.wire, plaintext=True).reaches("http://kvm7.example:8443")
