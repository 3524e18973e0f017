"""The ways to an S3 server: bucket in the host's name, TLS with its own CA, checksum modes."""

import asyncio
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from stowage_contracts.plugins.image_store_driver import ReadAsk
from stowage_contracts.testing.grant_client import HttpClient
from stowage_contracts.testing.image_store_suite.commits import Commits
from stowage_contracts.testing.image_store_suite.copies import ServerSideCopies
from stowage_contracts.testing.image_store_suite.notes import Notes
from stowage_contracts.testing.image_store_suite.objects import Objects
from stowage_contracts.testing.image_store_suite.store import StoreItself
from stowage_contracts.testing.store_hand import SECONDS, Hand, bytes_of
from stowage_stores.s3 import S3Driver

from tests.contract.stores.s3_relay import certificate, relay
from tests.contract.stores.s3_store import s3_driver
from tests.servers.s3 import S3Server


@pytest.fixture
def localhost_names(monkeypatch: pytest.MonkeyPatch) -> None:
    """Any name below localhost is this machine, as some resolvers have it."""
    resolve = socket.getaddrinfo

    def below(host: Any, *rest: Any, **other: Any) -> Any:
        text = host.decode() if isinstance(host, bytes) else host
        ours = isinstance(text, str) and text.endswith(".localhost")
        return resolve("127.0.0.1" if ours else host, *rest, **other)

    monkeypatch.setattr(socket, "getaddrinfo", below)


@pytest.mark.usefixtures("localhost_names")
class TestVirtualHost(StoreItself, Objects, Commits, ServerSideCopies, Notes):
    """The bucket is part of the host's name in every call and every URL."""

    @pytest.fixture
    async def driver(self, s3_server: S3Server, s3_bucket: str) -> AsyncIterator[S3Driver]:
        port = urlsplit(s3_server.endpoint).port
        endpoint = f"http://localhost:{port}"
        driver = s3_driver(s3_server, s3_bucket, endpoint=endpoint, addressing="virtual")
        yield driver
        await driver.aclose()

    async def test_urls_name_the_bucket_in_the_host(self, hand: Hand, s3_bucket: str) -> None:
        await hand.put("k", b"data")
        grant = await hand.driver.grant(ReadAsk(key="k", seconds=SECONDS))
        assert grant.uri is not None
        at = urlsplit(grant.uri.get_secret_value())
        assert (at.hostname, at.path) == (f"{s3_bucket}.localhost", "/k")


@pytest.fixture
async def tls_relay(s3_server: S3Server, tmp_path: Path) -> AsyncIterator[tuple[str, str]]:
    """Endpoint and CA bundle of a TLS door to the server."""
    context, bundle = certificate(tmp_path)
    async with relay(s3_server, tls=context) as endpoint:
        yield endpoint, str(bundle)


async def failed(driver: S3Driver) -> list[tuple[str, str]]:
    checks, _ = await driver.probe()
    await driver.aclose()
    return [(check.name, check.code) for check in checks if not check.ok]


async def test_a_private_ca_is_trusted_by_its_bundle(
    s3_server: S3Server, s3_bucket: str, tls_relay: tuple[str, str]
) -> None:
    endpoint, bundle = tls_relay
    driver = s3_driver(s3_server, s3_bucket, endpoint=endpoint, ca_bundle=bundle)
    assert driver.can.schemes == ("https",)
    assert await failed(driver) == []
    hand = Hand(driver, HttpClient(bundle))
    await hand.put("k", bytes_of(100_000))
    assert await hand.get("k") == bytes_of(100_000)
    await driver.aclose()


async def test_a_server_that_went_silent_is_told_in_time(
    s3_server: S3Server, s3_bucket: str
) -> None:
    async def hear_only(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async with await asyncio.start_server(hear_only, "127.0.0.1", 0) as silent:
        port = silent.sockets[0].getsockname()[1]
        endpoint = f"http://127.0.0.1:{port}"
        driver = s3_driver(s3_server, s3_bucket, endpoint=endpoint, timeout_seconds=0.3)
        assert await failed(driver) == [("list", "timeout")]


async def test_an_unknown_ca_is_told(
    s3_server: S3Server, s3_bucket: str, tls_relay: tuple[str, str]
) -> None:
    driver = s3_driver(s3_server, s3_bucket, endpoint=tls_relay[0])
    assert await failed(driver) == [("list", "tls")]


async def test_checksums_a_server_does_not_take_are_told(
    s3_server: S3Server, s3_bucket: str, tls_relay: tuple[str, str]
) -> None:
    endpoint, bundle = tls_relay
    driver = s3_driver(
        s3_server, s3_bucket, endpoint=endpoint, ca_bundle=bundle, checksums="when_supported"
    )
    assert await failed(driver) in ([], [("note", "checksums")])  # newer Ceph takes them
    driver = s3_driver(s3_server, s3_bucket, checksums="when_supported")
    assert await failed(driver) == []
