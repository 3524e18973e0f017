"""Digests do not depend on the order or the size of parts."""

from __future__ import annotations

import asyncio
import hashlib
import random
from contextlib import closing

import pytest
from hypervisor_agent.engine.digest import LinearDigest, TreeDigest, leaves, zero_leaves
from hypothesis import given, settings
from hypothesis import strategies as st
from stowage_contracts.values import TREE_LEAF

UNIT = random.Random(1).randbytes(TREE_LEAF)


def plain(data: bytes) -> str:
    """The tree digest by its definition."""
    parts = [data[at : at + TREE_LEAF] for at in range(0, len(data), TREE_LEAF)]
    inner = b"".join(hashlib.sha256(part).digest() for part in parts)
    return f"sha256-tree-4m:{hashlib.sha256(inner).hexdigest()}"


def image(pattern: list[bool], tail: int) -> bytes:
    return b"".join(UNIT if data else bytes(TREE_LEAF) for data in pattern) + UNIT[:tail]


@settings(max_examples=25, deadline=None)
@given(st.lists(st.booleans(), max_size=6), st.integers(0, 99), st.randoms(), st.integers(1, 3))
def test_the_tree_digest_is_the_same_in_any_order(
    pattern: list[bool], tail: int, shuffle: random.Random, leaves_per_part: int
) -> None:
    data = image(pattern, tail)
    step = leaves_per_part * TREE_LEAF
    offsets = list(range(0, len(data), step))
    shuffle.shuffle(offsets)
    tree = TreeDigest()
    for at in offsets:
        part = memoryview(data)[at : at + step]
        tree.put(at, len(part), leaves(part))
    assert tree.result(len(data)) == plain(data)


def test_zero_leaves_are_leaves_of_zeros() -> None:
    for length in (1, TREE_LEAF - 1, TREE_LEAF, 2 * TREE_LEAF + 5):
        assert zero_leaves(length) == leaves(memoryview(bytes(length)))


def test_missing_leaves_are_noticed() -> None:
    tree = TreeDigest()
    tree.put(TREE_LEAF, 1, leaves(memoryview(b"x")))
    with pytest.raises(ValueError, match="reach to 0"):
        tree.result(TREE_LEAF + 1)


@pytest.mark.parametrize("algorithm", ["md5", "sha1", "sha256", "sha512"])
async def test_the_linear_digest_waits_for_its_turn(algorithm: str) -> None:
    data, hole = UNIT[:1000], 5000
    with closing(LinearDigest(f"{algorithm}:00")) as linear:
        async with asyncio.timeout(5), asyncio.TaskGroup() as group:
            group.create_task(linear.put(6000, memoryview(data)))
            group.create_task(linear.put_zeros(1000, hole))
            group.create_task(linear.put(0, memoryview(data)))
    expected = hashlib.new(algorithm, data + bytes(hole) + data).hexdigest()
    assert linear.result() == f"{algorithm}:{expected}"


@settings(max_examples=10, deadline=None)
@given(st.permutations(range(12)))
def test_the_linear_digest_is_the_same_in_any_order(order: list[int]) -> None:
    async def hashed() -> str:
        with closing(LinearDigest("sha256:00")) as linear:
            async with asyncio.timeout(5), asyncio.TaskGroup() as group:
                for at in order:
                    piece = memoryview(UNIT)[at * 5000 : (at + 1) * 5000]
                    group.create_task(linear.put(at * 5000, piece))
        return linear.result()

    assert asyncio.run(hashed()) == f"sha256:{hashlib.sha256(UNIT[:60000]).hexdigest()}"
