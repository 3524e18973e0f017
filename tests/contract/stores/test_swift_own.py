"""What only Swift has: segments, links of one method, tokens, and ways to be set up wrongly."""

import asyncio
import hashlib
import json
import subprocess
from collections.abc import AsyncIterator
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from stowage_contracts.errors import Conflict, GrantRefused, NotFound
from stowage_contracts.plugins.image_store_driver import (
    CopyAsk,
    ObjectStat,
    ReadAsk,
    RevokeAsk,
    WriteAsk,
)
from stowage_contracts.testing.store_hand import SECONDS, WRITER, Hand, bytes_of

from tests.contract.stores.swift_store import SEGMENT, opened, own, remains
from tests.servers.swift_server import SwiftServer
from tests.servers.venvs import venv


@pytest.fixture
async def hand(swift_server: SwiftServer, swift_container: str) -> AsyncIterator[Hand]:
    async with opened(swift_server, swift_container) as hand:
        yield hand


async def test_another_client_reads_what_was_written(
    hand: Hand, swift_server: SwiftServer, swift_container: str, tmp_path: Path
) -> None:
    data = bytes_of(2 * SEGMENT + 7)
    await hand.put("judged", data)
    client = [str(venv("swift") / "swift"), "-A", swift_server.auth_url, "-U", swift_server.user]
    argv = [*client, "-K", swift_server.key, "download", swift_container, "judged"]
    target = tmp_path / "judged"
    done = await asyncio.to_thread(
        subprocess.run, [*argv, "-o", str(target)], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert target.read_bytes() == data


async def test_delete_takes_the_segments_along(
    hand: Hand, swift_server: SwiftServer, swift_container: str
) -> None:
    await hand.put("k", bytes_of(SEGMENT + 1))
    before = await remains(swift_server, swift_container)
    assert sorted(before.values()) == [1, 2]
    await hand.driver.delete("k")
    assert await remains(swift_server, swift_container) == {swift_container: 0}


async def test_giving_up_leaves_nothing(
    hand: Hand, swift_server: SwiftServer, swift_container: str
) -> None:
    data = bytes_of(SEGMENT + 1)
    grant = await hand.begin("given/up", len(data))
    await hand.fill(grant, data)
    await hand.revoke("given/up", grant)
    assert await remains(swift_server, swift_container) == {swift_container: 0}
    with pytest.raises(GrantRefused):
        await hand.begin("given/up", len(data), session=grant.session)


async def test_revoking_without_a_session_takes_this_writers_segments_only(
    hand: Hand, swift_server: SwiftServer, swift_container: str
) -> None:
    kept = await hand.begin("k", 1, "hop-1.1")
    lost = await hand.begin("k", 1, "hop-2.1")
    await hand.driver.revoke(RevokeAsk(key="k", writer="hop-2.1"))
    with pytest.raises(GrantRefused):
        await hand.fill(lost, b"x")
    await hand.fill(kept, b"x")
    await hand.commit("k", kept, b"x", "hop-1.1")


async def test_a_link_for_a_part_ends_with_its_commit(hand: Hand) -> None:
    grant = await hand.begin("k", 1000)
    await hand.fill(grant, bytes_of(1000))
    await hand.commit("k", grant, bytes_of(1000))
    with pytest.raises(GrantRefused):
        await hand.fill(grant, bytes_of(1000, 2))
    assert await hand.get("k") == bytes_of(1000)


async def test_two_services_have_one_winner(
    hand: Hand, swift_server: SwiftServer, swift_container: str
) -> None:
    async with opened(swift_server, swift_container) as other:
        hands = {"hop-1.1": hand, "hop-2.1": other}
        grants = {name: await each.begin("k", 10, name) for name, each in hands.items()}
        for name, each in hands.items():
            await each.fill(grants[name], name.encode() + b"...")
        ended = await asyncio.gather(
            *(
                each.commit("k", grants[name], name.encode() + b"...", name)
                for name, each in hands.items()
            ),
            return_exceptions=True,
        )
    won = [name for name, end in zip(hands, ended, strict=True) if isinstance(end, ObjectStat)]
    assert len(won) == 1
    assert sum(isinstance(end, Conflict) for end in ended) == 1
    assert await hand.get("k") == won[0].encode() + b"..."


async def test_a_missing_segment_is_named_and_may_follow(hand: Hand) -> None:
    data = bytes_of(2 * SEGMENT + 5)
    grant = await hand.begin("gap", len(data))
    await hand.fill(grant, data, end=SEGMENT)
    await hand.fill(grant, data, start=2 * SEGMENT)
    with pytest.raises(Conflict, match="part 2"):
        await hand.commit("gap", grant, data)
    await hand.fill(grant, data, start=SEGMENT, end=2 * SEGMENT)
    await hand.commit("gap", grant, data)
    assert await hand.get("gap") == data


async def test_a_journal_longer_than_a_page_is_read_whole(
    swift_server: SwiftServer, swift_container: str
) -> None:
    data = bytes_of(2 * SEGMENT + 1)
    async with opened(swift_server, swift_container, page=1) as hand:
        grant = await hand.begin("big", len(data))
        await hand.fill(grant, data)
        again = await hand.begin("big", len(data), session=grant.session)
        assert [part.size for part in again.done] == [SEGMENT, SEGMENT, 1]
        assert again.done[2].etag == hashlib.md5(data[-1:]).hexdigest()


async def test_only_the_links_asked_for_are_signed(hand: Hand) -> None:
    first = await hand.driver.grant(
        WriteAsk(
            key="k",
            writer=WRITER,
            size=100 * SEGMENT,
            seconds=SECONDS,
            first_part=99,
            part_count=50,
        )
    )
    assert [part.number for part in first.parts] == [99, 100]
    assert all(part.url.get_secret_value() not in repr(first) for part in first.parts)


async def test_a_link_serves_one_method_and_one_object(hand: Hand) -> None:
    await hand.put("mine", b"mine")
    await hand.put("yours", b"yours", "hop-2.1")
    grant = await hand.driver.grant(ReadAsk(key="mine", seconds=SECONDS))
    assert grant.uri is not None
    url = grant.uri.get_secret_value()
    for method, other in (("PUT", url), ("DELETE", url), ("GET", url.replace("mine", "yours"))):
        at = urlsplit(other)
        connection = HTTPConnection(at.netloc, timeout=30)
        connection.request(method, f"{at.path}?{at.query}")
        assert connection.getresponse().status == 401
        connection.close()
    assert await hand.get("mine") == b"mine"


async def test_a_commit_that_died_before_its_end_is_tidied_by_the_inventory(
    hand: Hand, swift_server: SwiftServer, swift_container: str
) -> None:
    grant = await hand.begin("k", 4)
    async with swift_server.account() as account:
        marks = [name for name in await account.names(swift_container) if "/writes/" in name]
        _, said = await account.call("GET", f"{swift_container}/{marks[0]}")
        await hand.fill(grant, b"data")
        await hand.commit("k", grant, b"data")
        await account.call("PUT", f"{swift_container}/{marks[0]}", data=said)
    assert [found async for found in own(hand).writes()] == []
    assert await hand.get("k") == b"data"
    assert sorted((await remains(swift_server, swift_container)).values()) == [1, 1]


@pytest.mark.parametrize("large", [False, True])
async def test_an_object_of_another_container_is_copied(
    hand: Hand, swift_server: SwiftServer, swift_container: str, large: bool
) -> None:
    other, data = f"{swift_container}-other", b"somebody else's"
    async with swift_server.account() as account:
        await account.call("PUT", other)
        for name, piece in (("whole", data), ("one", data[:4]), ("two", data[4:])):
            await account.call("PUT", f"{other}/{name}", data=piece)
        rows = [{"path": f"/{other}/{name}"} for name in ("one", "two")]
        manifest = json.dumps(rows)
        await account.call("PUT", f"{other}/large?multipart-manifest=put", data=manifest)
        ask = CopyAsk(
            source=f"swift://{other}/{'large' if large else 'whole'}", key="k", writer="copy.1"
        )
        said = await own(hand).copy(ask)
        await account.wipe(other)
    assert said.size == len(data)
    assert await hand.get("k") == data


async def test_a_copy_of_what_is_not_there_leaves_nothing(
    hand: Hand, swift_server: SwiftServer, swift_container: str
) -> None:
    with pytest.raises(NotFound):
        await own(hand).copy(CopyAsk(source="swift://nothing/there", key="k", writer="copy.1"))
    assert await remains(swift_server, swift_container) == {swift_container: 0}


async def test_a_prefix_keeps_stores_of_one_container_apart(
    swift_server: SwiftServer, swift_container: str
) -> None:
    async with opened(swift_server, swift_container, prefix="a") as one:
        await one.put("k", b"one")
        async with opened(swift_server, swift_container, prefix="b") as two:
            assert await two.keys() == []
            await two.put("k", b"two")
        assert await one.get("k") == b"one"
        assert await one.keys() == ["k"]


async def test_a_closed_driver_opens_again(hand: Hand) -> None:
    await hand.put("k", b"k")
    for _ in range(2):
        await own(hand).aclose()
    assert await hand.get("k") == b"k"
