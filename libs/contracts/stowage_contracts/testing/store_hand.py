"""Hand: does with a driver what a grant's owner and an agent do together."""

import random
from hashlib import sha256

from stowage_contracts.grants import Grant
from stowage_contracts.parts import count_of_parts, part_of_offset, size_of_part
from stowage_contracts.plugins.image_store_driver import (
    CommitAsk,
    ImageStoreDriver,
    ObjectStat,
    ReadAsk,
    RevokeAsk,
    WriteAsk,
)
from stowage_contracts.testing.grant_client import GrantClient
from stowage_contracts.values import TREE_ALGORITHM, TREE_LEAF, Receipt

WRITER = "hop-1.1"
ODD_KEYS = (
    "with space/and+plus",
    "percent%20sign",
    "question?mark&and=equals",
    "hash#tag",
    "-dash",
    "käse/图像/образ",
    "quotes'\"",
    ".hidden",
    "semi;colon,comma",
    "a" * 200,
    "tilde~!$()*@:",
)
UNSAFE_KEYS = (
    "",
    "/absolute",
    "../out",
    "a/../b",
    "a/./b",
    "a//b",
    "a/",
    "a\0b",
    "a\nb",
    ".stowage/x",
)
SECONDS = 60
_UNKNOWN = 8
"""Part URLs asked for while the size is not known."""


def bytes_of(size: int, seed: int = 1) -> bytes:
    """The same ``size`` bytes for the same seed."""
    return random.Random(seed).randbytes(size)  # noqa: S311 test bytes


def receipt_of(data: bytes) -> Receipt:
    """What an agent would say of ``data``."""
    leaves = [data[at : at + TREE_LEAF] for at in range(0, len(data), TREE_LEAF)]
    tree = sha256(b"".join(sha256(leaf).digest() for leaf in leaves)).hexdigest()
    return Receipt(size=len(data), digest=f"{TREE_ALGORITHM}:{tree}")


class Hand:
    """Owner and agent in one; it only keeps order, every byte goes through grants."""

    def __init__(self, driver: ImageStoreDriver, client: GrantClient) -> None:
        self.driver, self.client = driver, client

    async def begin(
        self, key: str, size: int | None, writer: str = WRITER, session: str = ""
    ) -> Grant:
        """A write grant with all part URLs, or a few where ``size`` is not known."""
        ask = WriteAsk(key=key, writer=writer, size=size, seconds=SECONDS, session=session)
        first = await self.driver.grant(ask)
        if not first.part_size:
            return first
        count = _UNKNOWN if size is None else count_of_parts(size, first.part_size)
        more = ask.model_copy(update={"session": first.session, "part_count": count})
        return await self.driver.grant(more)

    async def part_size(self) -> int:
        """Bytes of the first part of a middling write."""
        grant = await self.begin("size", 64 << 20, "sizer.1")
        await self.revoke("size", grant, "sizer.1")
        return grant.part_size or 1 << 20

    async def fill(self, grant: Grant, data: bytes, *, start: int = 0, end: int = -1) -> None:
        """Write ``data[start:end]`` (part by part) through the grant."""
        end = len(data) if end < 0 else end
        while start < end:
            stop = min(start + _step(grant, start, len(data)), end)
            await self.client.write(grant, start, data[start:stop])
            start = stop

    async def commit(self, key: str, grant: Grant, data: bytes, writer: str = WRITER) -> ObjectStat:
        """Commit what was filled."""
        return await self.driver.commit(
            CommitAsk(key=key, writer=writer, session=grant.session, size=len(data))
        )

    async def put(self, key: str, data: bytes, writer: str = WRITER) -> ObjectStat:
        """Begin, fill and commit."""
        grant = await self.begin(key, len(data), writer)
        await self.fill(grant, data)
        return await self.commit(key, grant, data, writer)

    async def get(self, key: str) -> bytes:
        """The whole object."""
        grant = await self.driver.grant(ReadAsk(key=key, seconds=SECONDS))
        assert grant.size is not None
        return await self.client.read(grant, 0, grant.size)

    async def revoke(self, key: str, grant: Grant, writer: str = WRITER) -> None:
        """Give the write up."""
        await self.driver.revoke(RevokeAsk(key=key, writer=writer, session=grant.session))

    async def keys(self, prefix: str = "") -> list[str]:
        """Listed keys, in the order listed."""
        return [found.key async for found in self.driver.list(prefix)]


def _step(grant: Grant, offset: int, whole: int) -> int:
    if not grant.part_size:
        return whole
    number = part_of_offset(offset, grant.part_size, grant.part_growth)
    return size_of_part(number, grant.part_size, grant.part_growth)
