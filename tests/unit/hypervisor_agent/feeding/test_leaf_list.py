"""Leaf lists prove themselves, ranges and zeros."""

import hashlib

import pytest
from hypervisor_agent.engine.digest import MOST_KEPT, TreeDigest, leaves, zero_leaves
from hypervisor_agent.feeding.leaf_list import LeafList
from stowage_contracts.values import TREE_LEAF

SIZE = 5 * TREE_LEAF + 100
DATA = bytearray(SIZE)
for index in (0, 3):
    DATA[index * TREE_LEAF + 7] = 1
KNOWN = leaves(memoryview(DATA))
DIGEST = f"sha256-tree-4m:{hashlib.sha256(KNOWN).hexdigest()}"


def made() -> LeafList:
    return LeafList(KNOWN, DIGEST, SIZE)


@pytest.mark.parametrize(
    ("digests", "size"), [(KNOWN[:-32], SIZE), (KNOWN, SIZE + TREE_LEAF), (b"", SIZE)]
)
def test_leaves_of_other_bytes_are_no_list(digests: bytes, size: int) -> None:
    with pytest.raises(ValueError, match="not the leaves"):
        LeafList(digests, DIGEST, size)


def test_a_right_range_is_proved_and_a_wrong_bit_is_not() -> None:
    view = memoryview(DATA)[3 * TREE_LEAF :]
    assert made().proves(3 * TREE_LEAF, view)
    wrong = bytearray(view)
    wrong[-1] ^= 1
    assert not made().proves(3 * TREE_LEAF, memoryview(wrong))
    assert not made().proves(2 * TREE_LEAF, view)


def test_zeros_are_known_without_being_read() -> None:
    known = made()
    assert known.next_data(0) == 0
    assert known.next_data(TREE_LEAF) == 3 * TREE_LEAF
    assert known.next_data(2 * TREE_LEAF + 5) == 3 * TREE_LEAF
    assert known.next_data(4 * TREE_LEAF) == SIZE


def test_runs_split_a_range_into_data_and_zeros() -> None:
    runs = [(s // TREE_LEAF, e, zeros) for s, e, zeros in made().runs(0, SIZE)]
    assert runs == [
        (0, TREE_LEAF, False),
        (1, 3 * TREE_LEAF, True),
        (3, 4 * TREE_LEAF, False),
        (4, SIZE, True),
    ]


def test_only_whole_leaves_can_be_proved() -> None:
    assert made().whole(TREE_LEAF, TREE_LEAF)
    assert made().whole(TREE_LEAF, SIZE - TREE_LEAF)
    assert not made().whole(1, TREE_LEAF)
    assert not made().whole(0, TREE_LEAF + 1)


def test_a_tree_keeps_its_leaves_in_order_unless_there_are_too_many() -> None:
    tree = TreeDigest()
    tree.put(TREE_LEAF, SIZE - TREE_LEAF, KNOWN[32:])
    tree.put(0, TREE_LEAF, KNOWN[:32])
    assert (tree.leaves, tree.result(SIZE)) == (KNOWN, DIGEST)
    size = MOST_KEPT * TREE_LEAF
    tree = TreeDigest()
    tree.put(0, size, zero_leaves(size))
    tree.put(size, 1, zero_leaves(1))
    assert tree.leaves == b""
