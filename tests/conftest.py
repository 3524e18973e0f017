"""Session fixtures hand out addresses of real servers, test fixtures a part for one test."""

from __future__ import annotations

import asyncio
import os
import secrets
from collections.abc import AsyncIterator, Iterator

import pytest

from tests.servers import leases
from tests.servers.apt import program, provide
from tests.servers.broker import remove_prefixed
from tests.servers.databases import KeptDatabase, fresh_database
from tests.servers.docker import socket_answers
from tests.servers.kinds import KINDS, given, implementation
from tests.servers.nfs import Nfs, Share, fresh_share
from tests.servers.s3 import S3Server, fresh_bucket
from tests.servers.server import Server
from tests.servers.swift_server import SwiftServer, fresh_container
from tests.servers.transport_vms import QEMU, TransportVms

pytest.register_assert_rewrite("stowage_runtime.testing")


class Servers:
    """Addresses of servers: from the environment, or of servers shared with other test runs."""

    def exports(self, kind: str) -> dict[str, str]:
        return given(kind) or self._acquire(implementation(kind)).exports()

    def private(self, kind: str) -> Server:
        """A server of this process alone, which its tests may stop and break."""
        return self._acquire(f"{implementation(kind)}.{os.getpid()}")

    def _acquire(self, name: str) -> Server:
        provide([KINDS[name.partition(".")[0]].requirement])
        return leases.acquire(name)


@pytest.fixture(scope="session")
def servers() -> Iterator[Servers]:
    """Starts each server when it is first wanted, and leaves all of them at the end."""
    yield Servers()
    leases.leave_all()


@pytest.fixture(scope="session")
def rabbitmq_url(servers: Servers) -> str:
    return servers.exports("rabbitmq")["STOWAGE_TEST_AMQP_URL"]


@pytest.fixture(scope="session")
def rabbitmq_management_url(servers: Servers) -> str:
    """The management API, with user and password in the URL and no path."""
    return servers.exports("rabbitmq")["STOWAGE_TEST_AMQP_MANAGEMENT_URL"]


@pytest.fixture(scope="session")
def postgres_url(servers: Servers) -> str:
    """The server's own database; tests take `database_url`."""
    return servers.exports("postgres")["STOWAGE_TEST_DATABASE_URL"]


@pytest.fixture(scope="session")
def s3_server(servers: Servers) -> S3Server:
    facts = servers.exports("ceph")
    return S3Server(
        facts["STOWAGE_TEST_S3_ENDPOINT"],
        facts["STOWAGE_TEST_S3_ACCESS_KEY"],
        facts["STOWAGE_TEST_S3_SECRET_KEY"],
    )


@pytest.fixture(scope="session")
def swift_server(servers: Servers) -> SwiftServer:
    return SwiftServer.told(servers.exports("swift"), "SWIFT")


@pytest.fixture(scope="session")
def rgw_server(servers: Servers) -> SwiftServer:
    """Ceph's gateway by its Swift door."""
    facts = dict(os.environ) | servers.exports("ceph")
    if "STOWAGE_TEST_RGW_KEY" not in facts:
        pytest.skip("the S3 server given has no Swift door: set STOWAGE_TEST_RGW_...")
    return SwiftServer.told(facts, "RGW")


@pytest.fixture(scope="session")
def keystone(servers: Servers) -> dict[str, str]:
    """Address, user and key of a Keystone whose catalogue names a Swift in region `north`."""
    return servers.exports("keystone")


@pytest.fixture
async def swift_container(swift_server: SwiftServer) -> AsyncIterator[str]:
    """The name of a new empty container."""
    async with fresh_container(swift_server) as name:
        yield name


@pytest.fixture
async def rgw_container(rgw_server: SwiftServer) -> AsyncIterator[str]:
    """The name of a new empty container."""
    async with fresh_container(rgw_server) as name:
        yield name


@pytest.fixture
def bus_prefix(rabbitmq_management_url: str) -> Iterator[str]:
    """What the names of all queues, exchanges and users of one test start with."""
    prefix = f"t{secrets.token_hex(4)}"
    yield prefix
    remove_prefixed(rabbitmq_management_url, prefix)


@pytest.fixture
async def database_url(postgres_url: str) -> AsyncIterator[str]:
    """A new empty database."""
    async with fresh_database(postgres_url) as url:
        yield url


@pytest.fixture(scope="session")
def kept_database(postgres_url: str) -> Iterator[KeptDatabase]:
    """A database with the tables of every service."""
    kept = KeptDatabase(postgres_url)
    yield kept
    asyncio.run(kept.drop())


@pytest.fixture
async def s3_bucket(s3_server: S3Server) -> AsyncIterator[str]:
    """The name of a new empty bucket."""
    async with fresh_bucket(s3_server) as name:
        yield name


@pytest.fixture
def nfs_share(servers: Servers) -> Iterator[Share]:
    """A new empty folder of an NFS server."""
    _needs_root("nfs")
    with fresh_share(servers.exports("nfs")) as share:
        yield share


@pytest.fixture
def private_nfs(servers: Servers) -> Iterator[Nfs]:
    """A running NFS server no other process uses: also `freeze`, `thaw`, `share`."""
    _needs_root("")
    server = servers.private("nfs")
    assert isinstance(server, Nfs)
    yield server
    server.thaw()


@pytest.fixture(scope="session")
def transport_vms(servers: Servers) -> TransportVms:
    """Image, namespace and network for transport VMs of this process alone."""
    _needs_root("")
    server = servers.private("transport-vms")
    assert isinstance(server, TransportVms)
    return server


@pytest.fixture(scope="session")
def qemu() -> str:
    """QEMU's program, installed where we may."""
    provide([QEMU])
    return program(QEMU.programs[0])


@pytest.fixture
def private_rabbitmq(servers: Servers) -> Server:
    """A running broker no other process uses: `url`, `stop`, `start`, `restart`, `kill`."""
    return servers.private("rabbitmq")


@pytest.fixture
def private_postgres(servers: Servers) -> Server:
    """A running PostgreSQL no other process uses: `url`, `stop`, `start`, `restart`, `kill`."""
    return servers.private("postgres")


@pytest.fixture
async def private_database_url(private_postgres: Server) -> AsyncIterator[str]:
    """A new empty database on the private PostgreSQL, which must run again when the test ends."""
    async with fresh_database(private_postgres.url) as url:
        yield url


@pytest.fixture(scope="session")
def docker_host() -> str:
    """The address of a Docker engine; without one the test is skipped, or fails if told so."""
    if socket_answers():
        return os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock")
    reason = "no Docker engine answers: set DOCKER_HOST, or run .ci/run"
    if os.environ.get("STOWAGE_REQUIRE_DOCKER") == "1":
        pytest.fail(reason)
    pytest.skip(reason)


def _needs_root(kind: str) -> None:
    if os.geteuid() and not (kind and given(kind)):
        pytest.skip("starting this server needs root")
