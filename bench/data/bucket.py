"""A bucket of the test's S3 server, as image-store and as rivals see it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from pydantic import SecretStr
from stowage_contracts.grants import Grant
from stowage_contracts.plugins.image_store_driver import CommitAsk, ReadAsk, WriteAsk
from stowage_contracts.values import TREE_ALGORITHM, Receipt
from stowage_stores.s3 import S3Driver, S3Provider, S3Settings

from tests.servers import leases
from tests.servers.apt import provide
from tests.servers.kinds import KINDS, given
from tests.servers.s3 import S3Server, fresh_bucket

SECONDS = 3600
WRITER = "h.1"


@dataclass(frozen=True)
class Bucket:
    """One bucket and both ways to it."""

    server: S3Server
    name: str
    driver: S3Driver

    @property
    def rclone(self) -> dict[str, str]:
        """The environment in which ``bench:`` is the server, for rclone."""
        return {
            "RCLONE_CONFIG_BENCH_TYPE": "s3",
            "RCLONE_CONFIG_BENCH_PROVIDER": "Ceph",
            "RCLONE_CONFIG_BENCH_ENDPOINT": self.server.endpoint,
            "RCLONE_CONFIG_BENCH_ACCESS_KEY_ID": self.server.access_key,
            "RCLONE_CONFIG_BENCH_SECRET_ACCESS_KEY": self.server.secret_key,
            "RCLONE_CONFIG": "/dev/null",
            "AWS_CA_BUNDLE": "",
        }

    async def read(self, key: str) -> Grant:
        """A read grant."""
        return await self.driver.grant(ReadAsk(key=key, seconds=SECONDS))

    async def write(self, key: str, size: int) -> Grant:
        """A write grant with every part's URL."""
        ask = WriteAsk(key=key, writer=WRITER, size=size, seconds=SECONDS)
        grant = await self.driver.grant(ask)
        parts = list(grant.parts)
        for first in range(1, -(-size // grant.part_size) + 1, 256):
            more = ask.model_copy(
                update={"session": grant.session, "first_part": first, "part_count": 256}
            )
            parts += (await self.driver.grant(more)).parts
        return grant.model_copy(update={"parts": tuple(parts)})

    async def commit(self, key: str, grant: Grant, size: int) -> None:
        """Complete the upload."""
        receipt = Receipt(size=size, digest=f"{TREE_ALGORITHM}:{'0' * 64}")
        ask = CommitAsk(key=key, writer=WRITER, session=grant.session, size=receipt.size)
        await self.driver.commit(ask)


@asynccontextmanager
async def bucket() -> AsyncIterator[Bucket]:
    """A fresh one, removed afterwards."""
    facts = given("ceph") or _started()
    server = S3Server(*(facts[f"STOWAGE_TEST_S3_{name}"] for name in _NAMES))
    try:
        async with fresh_bucket(server) as name:
            driver = S3Provider().open(
                S3Settings(
                    endpoint=server.endpoint,
                    bucket=name,
                    access_key=server.access_key,
                    secret_key=SecretStr(server.secret_key),
                    region=server.region,
                )
            )
            try:
                yield Bucket(server, name, driver)
            finally:
                await driver.aclose()
    finally:
        leases.leave_all()


_NAMES = ("ENDPOINT", "ACCESS_KEY", "SECRET_KEY")


def _started() -> dict[str, str]:
    provide([KINDS["ceph"].requirement])
    return leases.acquire("ceph").exports()
