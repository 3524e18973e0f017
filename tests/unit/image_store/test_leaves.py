"""Leaf digests: kept when they prove themselves, given to those who may read the bytes."""

import base64
import hashlib
import zlib
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from image_store.objects.leaves import forget_leaves
from stowage_contracts.errors import GrantRefused, InvalidInput, NotFound
from stowage_contracts.messages.image_store import (
    CopyRequested,
    GetLeaves,
    KeepLeaves,
    LeavesGot,
    RequestCopy,
)
from stowage_contracts.messages.image_store.leaves import LEAVES_A_MESSAGE
from stowage_contracts.values import Receipt

from tests.unit.image_store.scene import Scene, accepted

LEAVES = b"".join(hashlib.sha256(bytes([n % 251])).digest() for n in range(LEAVES_A_MESSAGE + 5))
DIGEST = f"sha256-tree-4m:{hashlib.sha256(LEAVES).hexdigest()}"
FIRST, SECOND = LEAVES[: 32 * LEAVES_A_MESSAGE], LEAVES[32 * LEAVES_A_MESSAGE :]


def packed(leaves: bytes) -> bytes:
    return base64.b64encode(zlib.compress(leaves))


@dataclass
class Shelf:
    scene: Scene
    request: CopyRequested

    async def keep(self, leaves: bytes, first: int, last: bool, **changes: Any) -> None:
        source = changes.pop("source", "agent/h1")
        ticket = self.scene.ticket(self.request, **changes)
        facts = {"hop_id": "hop1", "digest": DIGEST, "first": first, "last": last}
        ask = KeepLeaves(**facts, leaves=packed(leaves), ticket=ticket)
        await self.scene.bench.ask(ask, source=source)

    async def keep_all(self) -> None:
        await self.keep(FIRST, 0, last=False)
        await self.keep(SECOND, LEAVES_A_MESSAGE, last=True)

    async def get(self, request: CopyRequested, first: int = 0) -> LeavesGot:
        ask = GetLeaves(
            hop_id="hop1", digest=DIGEST, first=first, ticket=self.scene.ticket(request)
        )
        reply = await self.scene.bench.ask(ask, source="agent/h1")
        assert isinstance(reply, LeavesGot)
        return reply

    async def complete(self, size: int = 10 << 30) -> None:
        """The replica has that digest."""
        await self.scene.write(self.request)
        await self.scene.commit(self.request)
        done = self.scene.completed(self.request, accepted())
        receipt = Receipt(size=size, digest=DIGEST, part="hop1.1", verdict=accepted())
        await self.scene.bench.handle(done.model_copy(update={"receipt": receipt}))

    async def copied(self) -> CopyRequested:
        """A copy to a pool, as data-motion hears of it."""
        ask = RequestCopy(copy_id="c2", account_id="acme", template_id="t1", store_id="pool1")
        said = await self.scene.bench.handle(ask)
        return next(m for m in said if isinstance(m, CopyRequested))


@pytest.fixture
async def shelf(scene: Scene) -> Shelf:
    return Shelf(scene, await scene.requested())


async def test_leaves_that_hash_to_the_digest_are_given_to_a_hop_that_reads_it(
    shelf: Shelf,
) -> None:
    await shelf.keep_all()
    await shelf.complete()
    request = await shelf.copied()
    assert request.leaves
    first, second = await shelf.get(request), await shelf.get(request, LEAVES_A_MESSAGE)
    assert zlib.decompress(first.leaves) + zlib.decompress(second.leaves) == LEAVES
    assert first.count == second.count == len(LEAVES) // 32


async def test_copies_of_small_objects_are_not_fed(shelf: Shelf) -> None:
    await shelf.keep_all()
    await shelf.complete(size=1 << 20)
    assert not (await shelf.copied()).leaves


async def test_leaves_of_another_digest_are_refused_and_forgotten(shelf: Shelf) -> None:
    await shelf.keep(FIRST, 0, last=False)
    with pytest.raises(InvalidInput) as refused:
        await shelf.keep(SECOND[::-1], LEAVES_A_MESSAGE, last=True)
    assert refused.value.code == "invalid.leaves"
    async with shelf.scene.bench.tx() as tx:
        assert not await tx.rows("staged_leaves", DIGEST, "hop1")
    await shelf.complete()
    assert not (await shelf.copied()).leaves


async def test_a_gap_is_no_list(shelf: Shelf) -> None:
    with pytest.raises(InvalidInput):
        await shelf.keep(SECOND, LEAVES_A_MESSAGE, last=True)


async def test_said_again_they_are_kept_once(shelf: Shelf) -> None:
    await shelf.keep_all()
    await shelf.keep_all()
    await shelf.complete()
    assert (await shelf.copied()).leaves


@pytest.mark.parametrize("leaves", [b"x" * 33, b"", bytes(32 * LEAVES_A_MESSAGE + 32)])
async def test_a_bomb_or_a_fragment_is_refused(shelf: Shelf, leaves: bytes) -> None:
    with pytest.raises(InvalidInput):
        await shelf.keep(leaves, 0, last=True)


async def test_a_foreign_agent_may_neither_keep_nor_get(shelf: Shelf) -> None:
    with pytest.raises(GrantRefused):
        await shelf.keep(FIRST, 0, last=False, source="agent/h2")
    with pytest.raises(GrantRefused):
        await shelf.keep(FIRST, 0, last=False, hop_id="hop2")


async def test_a_hop_of_other_bytes_gets_nothing(shelf: Shelf) -> None:
    await shelf.keep_all()
    with pytest.raises(GrantRefused):
        await shelf.get(shelf.request)  # its source is a URL, not an object of that digest


async def test_what_nobody_kept_is_not_found(shelf: Shelf) -> None:
    await shelf.complete()
    with pytest.raises(NotFound):
        await shelf.get(await shelf.copied())


async def test_leaves_go_with_the_last_replica(shelf: Shelf) -> None:
    await shelf.keep_all()
    bench = shelf.scene.bench
    await bench.pass_time(timedelta(days=2))
    async with bench.tx() as tx:
        await forget_leaves(tx, bench.service.deps)
        assert not await tx.value("leaves_kept", DIGEST)
        assert not await tx.rows("staged_leaves", DIGEST, "hop1")
