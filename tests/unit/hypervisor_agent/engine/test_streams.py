"""Streams in memory: looked at, put in order, summed, and promised room for."""

from __future__ import annotations

import hashlib
import random
from dataclasses import dataclass, field

import pytest
from hypervisor_agent.engine.digest import StreamDigest
from hypervisor_agent.engine.promises import STEP, GrowingPromise
from hypervisor_agent.engine.streams import CHUNK, HEAD, InOrder, Peeked
from hypothesis import given
from hypothesis import strategies as st
from stowage_contracts.errors import ImageRefused, OutOfSpace
from stowage_contracts.values import TREE_LEAF

from tests.integration.hypervisor_agent.kit import GivenGrants, url_grant
from tests.unit.hypervisor_agent.engine.memory_ends import MemorySource
from tests.unit.hypervisor_agent.engine.test_digest import plain

DATA = random.Random(5).randbytes(3 * CHUNK + 17)


@dataclass
class MemoryStream:
    """A stream of bytes."""

    data: bytes
    validator: str = '"v"'
    framed: bool = True
    received: int = 0
    asked: list[int] = field(default_factory=list)

    async def read_next(self, buffer: memoryview) -> int:
        self.asked.append(len(buffer))
        piece = self.data[self.received : self.received + len(buffer)]
        buffer[: len(piece)] = piece
        self.received += len(piece)
        return len(piece)

    async def close(self) -> None:
        """Nothing is open."""


@pytest.mark.parametrize("length", [0, 1, HEAD - 1, HEAD, HEAD + 1, 1000])
@pytest.mark.parametrize("step", [1, 10, HEAD, 600])
async def test_what_was_looked_at_is_read_again(length: int, step: int) -> None:
    data = DATA[:length]
    peeked = await Peeked.open(MemoryStream(data))
    assert peeked.head == data[:HEAD]
    found = b""
    buffer = bytearray(step)
    while count := await peeked.read_next(memoryview(buffer)):
        found += buffer[:count]
    assert found == data


@pytest.mark.parametrize("ranged", [True, False])
async def test_ranges_come_in_order(ranged: bool) -> None:
    source = MemorySource(DATA, ranged=ranged)
    chunks = InOrder(source, 3)
    found = b""
    while piece := await chunks.next():
        found += piece
    await chunks.close()
    assert found == DATA
    assert source.reads == [0, CHUNK, 2 * CHUNK, 3 * CHUNK]


async def test_closing_half_way_ends_the_reads() -> None:
    chunks = InOrder(MemorySource(DATA), 3)
    await chunks.next()
    await chunks.close()


@given(st.lists(st.integers(0, TREE_LEAF + 1), max_size=4))
def test_a_digest_is_the_same_in_pieces_of_any_size(pieces: list[int]) -> None:
    data = bytes(sum(pieces))
    tree, linear = StreamDigest(plain(b"")), StreamDigest("sha1:00")
    at = 0
    for length in pieces:
        tree.update(data[at : at + length])
        linear.update(data[at : at + length])
        at += length
    assert tree.result() == plain(data)
    assert linear.result() == f"sha1:{hashlib.sha1(data).hexdigest()}"


def grants(room: int | None = None) -> GivenGrants:
    def never(_: int | None) -> None:
        raise AssertionError("nothing is opened")

    return GivenGrants(lambda: url_grant("http://x"), never, room=room)  # type: ignore[arg-type]


async def test_room_is_asked_for_in_steps_that_grow_with_what_is_there() -> None:
    given = grants()
    promise = GrowingPromise(given, None, "t")
    for size in (1, STEP, STEP + 2, 100 * STEP):
        await promise.reach(size)
    await promise.reach(100 * STEP)
    assert given.promised == [1 + STEP, 2 * STEP + 2, 100 * STEP + 100 * STEP // 8]


async def test_no_more_is_asked_for_than_may_ever_come() -> None:
    given = grants()
    promise = GrowingPromise(given, STEP, "t")
    await promise.reach(7)
    assert given.promised == [STEP]
    with pytest.raises(ImageRefused):
        await promise.reach(STEP + 1)


async def test_scarce_room_is_asked_for_to_the_byte() -> None:
    given = grants(room=10)
    promise = GrowingPromise(given, None, "t")
    await promise.reach(10)
    assert given.promised == [10]
    with pytest.raises(OutOfSpace):
        await promise.reach(11)
