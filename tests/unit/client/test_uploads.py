"""Uploads and downloads: a real gateway in front, bytes past it."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from api_gateway.deps import Deps
from pydantic import SecretStr
from stowage_client import Client
from stowage_client.downloading import Download, tree_digest
from stowage_client.sending import Patience
from stowage_client.uploading import Upload
from stowage_contracts.errors import (
    Conflict,
    ImageRefused,
    InvalidInput,
    OutOfSpace,
    Stalled,
    Unavailable,
)
from stowage_contracts.grants import Grant, PartDone, PartUrl
from stowage_contracts.message import Message
from stowage_contracts.messages.image_store import (
    FinishUpload,
    MakeLink,
    OpenUpload,
    RegisterTemplate,
    RevokeLink,
    UploadOpened,
)
from stowage_contracts.values import Transfer
from stowage_runtime.testing.bench import ServiceBench

from tests.e2e.sources import image
from tests.unit.api_gateway import words
from tests.unit.api_gateway.conftest import ADMIN_KEY
from tests.unit.client import stores
from tests.unit.client.conftest import Command
from tests.unit.client.stores import KIB, Door, Parts

Bench = ServiceBench[Deps]
CONTENT = image(10 * KIB * KIB + 77)
SOON = Patience(stall_seconds=1, seconds=1)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "disk.raw"
    path.write_bytes(CONTENT)
    return path


@pytest.fixture
async def kept(bench: Bench) -> AsyncIterator[Parts]:
    """An object store, and image-store giving its part URLs: 256 KiB, doubled every 8 parts."""
    async with stores.parts() as kept:
        bench.bus.replies[OpenUpload] = lambda question: _opened(question, kept)
        yield kept


@pytest.fixture
async def passed(bench: Bench) -> AsyncIterator[Door]:
    async with stores.door() as door:

        def opened(question: Any) -> Message:
            url = SecretStr(f"{door.url}/u")
            return UploadOpened(object=question.object, url=url, expires=words.LATER)

        bench.bus.replies[OpenUpload] = opened
        yield door


def _opened(question: Any, kept: Parts) -> UploadOpened:
    numbers = range(question.first_part, question.first_part + question.part_count)
    done = [
        PartDone(number=n, size=len(body), etag=hashlib.md5(body).hexdigest())
        for n, body in kept.there.items()
    ]
    grant = Grant(
        writes=True,
        session="s",
        part_size=256 * KIB,
        part_growth=8,
        parts=tuple(PartUrl(number=n, url=SecretStr(f"{kept.url}/{n}")) for n in numbers),
        done=tuple(done),
        expires=words.LATER,
    )
    return UploadOpened(object=question.object, grant=grant, expires=words.LATER)


async def _registered(client: Client) -> str:
    return (await client.templates.add("disk", "raw", upload=True, id="t1")).id


def _upload(client: Client, file: Path, seen: list[Transfer] | None = None) -> Upload:
    report = (lambda _: None) if seen is None else seen.append
    return Upload(client.templates, "t1", file, report, SOON)


async def test_every_part_arrives_and_the_upload_is_finished(
    client: Client, bench: Bench, kept: Parts, file: Path
) -> None:
    await _registered(client)
    seen: list[Transfer] = []
    assert await _upload(client, file, seen).send() == len(CONTENT)
    assert kept.content == CONTENT
    assert [len(kept.there[n]) for n in (1, 8, 9)] == [256 * KIB, 256 * KIB, 512 * KIB]
    (said,) = await bench.said(FinishUpload)
    assert isinstance(said, FinishUpload)
    assert said.size == len(CONTENT)
    assert (seen[-1].bytes_done, seen[-1].bytes_total) == (len(CONTENT), len(CONTENT))


async def test_a_store_never_sees_the_gateways_key(client: Client, kept: Parts, file: Path) -> None:
    await _registered(client)
    await _upload(client, file).send()
    assert not any(ADMIN_KEY in str(headers) for headers in kept.headers)


async def test_what_arrived_is_not_sent_again(client: Client, kept: Parts, file: Path) -> None:
    await _registered(client)
    kept.refuse = lambda number: 400 if number > 5 else 0
    with pytest.raises(InvalidInput):
        await _upload(client, file).send()
    before = set(kept.there)
    assert before
    kept.refuse, kept.puts = lambda number: 0, []
    await _upload(client, file).send()
    assert kept.content == CONTENT
    assert not before & set(kept.puts)


async def test_a_part_of_another_file_is_sent_again(
    client: Client, kept: Parts, file: Path
) -> None:
    await _registered(client)
    kept.there[2] = bytes(256 * KIB - 1) + b"x"
    await _upload(client, file).send()
    assert kept.content == CONTENT


async def test_an_expired_url_is_asked_for_anew(
    client: Client, bench: Bench, kept: Parts, file: Path
) -> None:
    await _registered(client)
    kept.refuse = lambda number: 403 if number == 3 and kept.puts.count(3) < 3 else 0
    await _upload(client, file).send()
    assert kept.content == CONTENT
    firsts = [asked.first_part for asked, _ in bench.bus.asked if isinstance(asked, OpenUpload)]
    assert 3 in firsts


async def test_a_store_that_stays_away_ends_the_upload_unfinished(
    client: Client, bench: Bench, kept: Parts, file: Path
) -> None:
    await _registered(client)
    kept.refuse = lambda number: 503
    with pytest.raises(Unavailable) as away:
        await _upload(client, file).send()
    assert "goes on" in away.value.hint
    assert kept.url.split("//")[1] in away.value.resource
    assert await bench.said(FinishUpload) == []


async def test_silence_is_a_stall(client: Client, kept: Parts, file: Path) -> None:
    await _registered(client)
    kept.silent = asyncio.Event()
    try:
        with pytest.raises(Stalled):
            await _upload(client, file).send()
    finally:
        kept.silent.set()


async def test_an_empty_or_missing_file_is_refused(
    client: Client, bench: Bench, tmp_path: Path
) -> None:
    await _registered(client)
    (tmp_path / "empty").touch()
    for name in ("empty", "missing"):
        with pytest.raises(InvalidInput):
            await _upload(client, tmp_path / name).send()
    assert await bench.said(FinishUpload) == []


async def test_a_door_takes_it_and_a_broken_connection_goes_on(
    client: Client, bench: Bench, passed: Door, file: Path
) -> None:
    await _registered(client)
    passed.break_at = 3 * KIB * KIB
    await _upload(client, file).send()
    assert bytes(passed.content) == CONTENT
    assert len(await bench.said(FinishUpload)) == 1


async def test_the_command_adds_sends_and_waits(
    stowage: Command, bench: Bench, kept: Parts, file: Path
) -> None:
    adding = asyncio.create_task(
        stowage("template", "add", "disk", "-f", "raw", "--upload", str(file), "--id", "t1")
    )
    async with asyncio.timeout(20):
        while not await bench.said(FinishUpload):
            await asyncio.sleep(0.02)
    await bench.handle(words.template("t1", ready=True, size=len(CONTENT)), sequence=1)
    ended = await adding
    assert ended.code == 0, ended.err
    assert "disk.raw: 100%" in ended.out
    assert "disk (t1) is ready: 10.0 MiB" in ended.out
    (said,) = await bench.said(RegisterTemplate)
    assert isinstance(said, RegisterTemplate)
    assert said.size == len(CONTENT)
    assert kept.content == CONTENT


async def test_a_download_goes_on_where_it_broke_and_is_compared(
    client: Client, tmp_path: Path
) -> None:
    to = tmp_path / "out"
    async with stores.downloads(CONTENT) as source:
        source.break_at = 5 * KIB * KIB

        async def address() -> str:
            return f"{source.url}/o"

        digest = _digest(tmp_path)
        await Download(address, to, len(CONTENT), digest, lambda _: None, SOON).fetch()
    assert to.read_bytes() == CONTENT
    assert source.asked[0] == "bytes=0-"
    assert int(source.asked[1].removeprefix("bytes=").rstrip("-")) > 0
    assert [path.name for path in tmp_path.glob("out*")] == ["out"]


async def test_a_download_of_other_bytes_is_not_kept(tmp_path: Path) -> None:
    digest = _digest(tmp_path)
    async with stores.downloads(bytes(len(CONTENT))) as source:

        async def address() -> str:
            return f"{source.url}/o"

        download = Download(address, tmp_path / "out", len(CONTENT), digest, lambda _: None)
        with pytest.raises(ImageRefused):
            await download.fetch()
    assert list(tmp_path.glob("out*")) == []


async def test_the_command_makes_links_lists_them_and_revokes_them(
    stowage: Command, bench: Bench
) -> None:
    await bench.handle(words.template("t1", ready=True, size=7), sequence=1)
    bench.bus.replies.update(words.ANSWERS)
    made = await stowage("template", "link", "t1", "--seconds", "60", "--name", "disk.raw")
    assert made.out.strip() == words.PRESIGNED
    listed = await stowage("link", "list")
    (line,) = listed.out.splitlines()[1:]
    assert "disk.raw" in line
    assert words.PRESIGNED not in listed.out
    assert (await stowage("link", "revoke", line.split()[0])).code == 0
    assert len(await bench.said(RevokeLink)) == 1


async def test_the_command_downloads_and_ends_its_link(
    stowage: Command, bench: Bench, tmp_path: Path
) -> None:
    fields = {"ready": True, "size": len(CONTENT), "digest": _digest(tmp_path)}
    await bench.handle(words.template("t1", **fields), sequence=1)
    async with stores.downloads(CONTENT) as source:

        def made(question: Any) -> Message:
            expires = datetime.now(UTC) + timedelta(seconds=question.seconds)
            told = words.link_made(question)
            url = SecretStr(f"{source.url}/o")
            return told.model_copy(update={"url": url, "expires": expires})

        bench.bus.replies[MakeLink] = made
        ended = await stowage("template", "link", "t1", "--download", str(tmp_path / "out"))
    assert ended.code == 0, ended.err
    assert (tmp_path / "out").read_bytes() == CONTENT
    assert len(await bench.said(RevokeLink)) == 1


def _digest(folder: Path) -> str:
    path = folder / "content"
    path.write_bytes(CONTENT)
    return tree_digest(path)


async def test_one_registered_a_moment_ago_is_given_time_to_find_its_place(
    client: Client, bench: Bench, kept: Parts, file: Path
) -> None:
    await _registered(client)
    asked = 0

    def opened(question: Any) -> Message:
        nonlocal asked
        asked += 1
        if asked < 3:
            raise Conflict("nothing is to be uploaded for it", code="no_upload")
        return _opened(question, kept)

    bench.bus.replies[OpenUpload] = opened
    await _upload(client, file).send()
    assert kept.content == CONTENT


async def test_one_that_found_no_place_says_why(
    client: Client, bench: Bench, kept: Parts, file: Path
) -> None:
    await _registered(client)
    full = OutOfSpace("every store is full").problem
    await bench.handle(words.template("t1", upload=True, error=full), sequence=1)
    bench.bus.replies[OpenUpload] = Conflict("nothing is to be uploaded for it", code="no_upload")
    with pytest.raises(OutOfSpace):
        await _upload(client, file).send()
