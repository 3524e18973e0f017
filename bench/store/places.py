"""The stores that are measured, on servers of their own that go with the program."""

from __future__ import annotations

import asyncio
import os
import secrets
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import quote

from botocore.session import Session
from stowage_stores.nfs.url import NfsUrl
from stowage_stores.swift import SwiftSettings

from bench.store.batch import Side
from bench.store.clients import Client, Cp, Curl, NfsCp, Rclone, SwiftClient
from tests.servers import leases
from tests.servers.apt import provide
from tests.servers.kinds import KINDS
from tests.servers.nfs import Nfs
from tests.servers.s3 import S3Server
from tests.servers.server import Server
from tests.servers.swift_server import SwiftServer
from tests.servers.venvs import venv

SECONDS = 6 * 3600
PARTS = ("--s3-chunk-size=8M", "--s3-upload-concurrency=6", "--s3-disable-checksum")


@dataclass(frozen=True)
class Place:
    """One store and all ways to use it."""

    name: str
    side: Side
    clients: Sequence[Client]
    folder: Path | None = None
    """Where a store of files keeps them, for what makes a rival's result durable."""


@contextmanager
def own_servers() -> Iterator[None]:
    """Ends what was started within."""
    try:
        yield
    finally:
        leases.leave_all()


def server(kind: str) -> Server:
    """A running one that nobody else uses."""
    provide([KINDS[kind].requirement])
    return leases.acquire(f"{kind}.{os.getpid()}")


@asynccontextmanager
async def s3(name: str) -> AsyncIterator[Place]:
    """Ceph's gateway."""
    facts = server("ceph").exports()
    known = S3Server(*(facts[f"STOWAGE_TEST_S3_{word}"] for word in _S3))
    async with known.client() as client:
        await client.create_bucket(Bucket=name)
    env = {
        "RCLONE_CONFIG_BENCH_TYPE": "s3",
        "RCLONE_CONFIG_BENCH_PROVIDER": "Ceph",
        "RCLONE_CONFIG_BENCH_ENDPOINT": known.endpoint,
        "RCLONE_CONFIG_BENCH_ACCESS_KEY_ID": known.access_key,
        "RCLONE_CONFIG_BENCH_SECRET_ACCESS_KEY": known.secret_key,
        "RCLONE_CONFIG_BENCH_NO_CHECK_BUCKET": "true",
        "RCLONE_CONFIG": "/dev/null",
        "AWS_CA_BUNDLE": "",
    }
    settings = {
        "endpoint": known.endpoint,
        "bucket": name,
        "region": known.region,
        "access_key": known.access_key,
        "secret_key": known.secret_key,
    }
    clients = (Curl(_presigned(known, name)), Rclone(f"bench:{name}", env, PARTS))
    yield Place("S3 on Ceph", Side(provider="S3", settings=settings), clients)


_S3 = ("ENDPOINT", "ACCESS_KEY", "SECRET_KEY")


@asynccontextmanager
async def swift(name: str) -> AsyncIterator[Place]:
    """OpenStack Swift."""
    known = SwiftServer.told(server("swift").exports(), "SWIFT")
    async with _container(known, f"{name}-swift") as (container, clients):
        yield Place("Swift", _swift_side(known, container), clients)


@asynccontextmanager
async def rgw_swift(name: str) -> AsyncIterator[Place]:
    """Ceph's gateway by its Swift v1 door."""
    known = SwiftServer.told(server("ceph").exports(), "RGW")
    async with _container(known, f"{name}-swift") as (container, clients):
        yield Place("Swift v1 on Ceph", _swift_side(known, container), clients)


@asynccontextmanager
async def nfs(name: str) -> AsyncIterator[Place]:
    """An export of nfs-ganesha."""
    held = server("nfs")
    assert isinstance(held, Nfs)
    share = held.share("export")
    folder = share.folder / name
    folder.mkdir()
    url = NfsUrl.parse(held.url_of(f"export/{name}"))

    def of(name: str) -> str:
        ports = f"version=3&nfsport={url.nfsport}&mountport={url.mountport}"
        return f"nfs://{url.server}{quote(str(url.export / PurePosixPath(name)))}?{ports}"

    side = Side(provider="NFS", settings={"url": str(url)})
    yield Place("NFS", side, (NfsCp(of),), folder)


@asynccontextmanager
async def directory(root: Path) -> AsyncIterator[Place]:
    """A folder of this machine."""
    await asyncio.to_thread(root.mkdir)
    yield Place("directory", directory_side(root), (Cp(root),), root)


def directory_side(root: Path) -> Side:
    """A folder as a store."""
    return Side(provider="directory", settings={"root": str(root)})


@asynccontextmanager
async def _container(
    known: SwiftServer, name: str
) -> AsyncIterator[tuple[str, tuple[Client, ...]]]:
    async with known.account() as account:
        await account.call("PUT", name)

        def of(_: str, key: str) -> str:
            return f"{account.url}/{name}/{quote(key)}"

        env = {
            "RCLONE_CONFIG_BENCH_TYPE": "swift",
            "RCLONE_CONFIG_BENCH_AUTH": known.auth_url,
            "RCLONE_CONFIG_BENCH_USER": known.user,
            "RCLONE_CONFIG_BENCH_KEY": known.key,
            "RCLONE_CONFIG_BENCH_AUTH_VERSION": "1",
            "RCLONE_CONFIG": "/dev/null",
        }
        told = {"ST_AUTH": known.auth_url, "ST_USER": known.user, "ST_KEY": known.key}
        segment = SwiftSettings.model_fields["segment_bytes"].default
        clients = (
            Curl(of, (f"X-Auth-Token: {account.token}",)),
            Rclone(f"bench:{name}", env),
            SwiftClient(venv("swift") / "swift", name, told, segment),
        )
        yield name, clients


def _swift_side(known: SwiftServer, container: str) -> Side:
    settings = {
        "auth_url": known.auth_url,
        "user": known.user,
        "key": known.key,
        "container": container,
        "temp_url_key": secrets.token_hex(16),
    }
    return Side(provider="Swift", settings=settings)


def _presigned(known: S3Server, bucket: str) -> Callable[[str, str], str]:
    client: Any = Session().create_client(
        "s3",
        region_name=known.region,
        endpoint_url=known.endpoint,
        aws_access_key_id=known.access_key,
        aws_secret_access_key=known.secret_key,
    )

    def sign(verb: str, key: str) -> str:
        told = {"Bucket": bucket, "Key": key}
        return str(
            client.generate_presigned_url(f"{verb.lower()}_object", Params=told, ExpiresIn=SECONDS)
        )

    return sign
