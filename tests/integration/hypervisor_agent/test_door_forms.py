"""Uploads through an agent's door as CloudStack's clients send them."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import pytest
from stowage_runtime.bus import Bus

from tests.integration.hypervisor_agent.cloud import Cloud
from tests.integration.hypervisor_agent.doors import Links, links
from tests.integration.hypervisor_agent.kit import MIB, noise

DATA = noise(9 * MIB + 21)


@pytest.fixture
async def door(cloud: Cloud, agent_bus: Bus, pool: Path) -> AsyncIterator[Links]:
    async with links(cloud, agent_bus, pool) as door:
        yield door


def headers(door: Links, **changes: str) -> dict[str, str]:
    token = door.writes().rpartition("/")[2]
    metadata, _, signature = token.partition(".")
    soon = (datetime.now(UTC) + timedelta(minutes=5)).isoformat()
    given = {"X-metadata": metadata, "X-signature": signature, "X-expires": soon}
    return {**given, **{name.replace("_", "-"): text for name, text in changes.items()}}


def form(data: bytes = DATA) -> aiohttp.FormData:
    made = aiohttp.FormData()
    made.add_field("files[]", io.BytesIO(data), filename="disk.qcow2")
    return made


async def test_a_form_with_one_file_is_the_upload(door: Links) -> None:
    url = door.url("upload", "t1")
    async with door.http.post(url, data=form(), headers=headers(door)) as answer:
        assert (answer.status, await answer.read()) == (200, b"")
    assert door.part.read_bytes() == DATA
    (taken,) = door.cloud.taken
    assert (taken.grant_id, taken.size) == ("link", len(DATA))


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({"X_signature": "AAAA"}, 403),
        ({"X_metadata": "e30"}, 403),
        ({"X_metadata": ""}, 403),
        ({"X_expires": "2020-01-01T00:00:00+00:00"}, 403),
        ({"X_expires": "tomorrow"}, 403),
    ],
)
async def test_what_was_not_signed_is_refused(
    door: Links, changed: dict[str, str], status: int
) -> None:
    url = door.url("upload", "t1")
    async with door.http.post(url, data=form(b"x"), headers=headers(door, **changed)) as answer:
        assert answer.status == status
    assert door.cloud.taken == []


async def test_the_path_names_the_signed_upload(door: Links) -> None:
    url = door.url("upload", "u2")
    async with door.http.post(url, data=form(b"x"), headers=headers(door)) as answer:
        assert answer.status == 403


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("text/plain", b"image"),
        ("multipart/form-data", b"image"),
        ("multipart/form-data; boundary=b", b"--c\r\n\r\nimage\r\n--c--\r\n"),
        ("multipart/form-data; boundary=b", b"--b\r\nA: b\r\n"),
        ("multipart/form-data; boundary=b", b"--b\r\nA: b\r\n\r\n\r\n--b--\r\n"),
        ("multipart/form-data; boundary=b", b"--b\r\n" + b"A" * 100_000),
        ("multipart/form-data; boundary=b", b"--b\r\n\r\none\r\n--b\r\n\r\ntwo\r\n--b--\r"),
    ],
)
async def test_a_form_that_is_none_is_refused(door: Links, kind: str, body: bytes) -> None:
    url, given = door.url("upload", "t1"), {**headers(door), "Content-Type": kind}
    async with door.http.post(url, data=io.BytesIO(body), headers=given) as answer:
        assert answer.status == 400, await answer.text()
    assert door.cloud.taken == []


async def test_a_form_without_its_length_is_refused(door: Links) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield b"--b\r\n\r\nimage\r\n--b--\r\n"

    given = {**headers(door), "Content-Type": "multipart/form-data; boundary=b"}
    async with door.http.post(door.url("upload", "t1"), data=pieces(), headers=given) as answer:
        assert answer.status == 411


async def test_a_browser_may_ask_first(cloud: Cloud, agent_bus: Bus, pool: Path) -> None:
    page = "https://cloud.example"
    async with links(cloud, agent_bus, pool, agent_door_origins=(page,)) as door:
        url, given = door.url("upload", "t1"), {"Origin": page}
        async with door.http.options(url, headers=given) as answer:
            assert answer.status == 204
            assert "POST" in answer.headers["Access-Control-Allow-Methods"]
            assert "X-Signature" in answer.headers["Access-Control-Allow-Headers"]
