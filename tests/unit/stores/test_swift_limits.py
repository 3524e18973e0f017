"""Segments keep within what a server takes, whatever the size."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stowage_contracts.errors import InvalidInput
from stowage_contracts.parts import offset_of_part, size_of_part
from stowage_contracts.values import TREE_LEAF
from stowage_stores.swift.limits import Limits, Shape

MIB, GIB, TIB = 1 << 20, 1 << 30, 1 << 40
SMALLEST = 32 * MIB


@given(st.integers(0, 4 * TIB))
def test_any_size_fits_a_manifest(size: int) -> None:
    limits = Limits()
    shape = limits.shape(size, SMALLEST, 4 * TIB)
    assert shape.part_size % TREE_LEAF == 0
    assert shape.growth == 0
    assert limits.count(size, shape) <= limits.segments
    assert shape.part_size <= limits.segment_bytes


def test_small_objects_have_small_segments() -> None:
    assert Limits().shape(5 * GIB, SMALLEST, TIB) == Shape(SMALLEST)
    assert Limits().shape(160 * GIB, SMALLEST, TIB).part_size == 184 * MIB
    assert Limits(segments=10_000).shape(160 * GIB, SMALLEST, TIB) == Shape(SMALLEST)


@pytest.mark.parametrize("largest", [GIB, 100 * GIB, TIB, 2 * TIB, 4 * TIB])
@pytest.mark.parametrize("segments", [100, 1000, 10_000])
def test_an_unknown_size_may_become_the_largest(largest: int, segments: int) -> None:
    limits = Limits(segments=segments)
    if largest > segments * limits.segment_bytes:
        with pytest.raises(InvalidInput):
            limits.shape(None, SMALLEST, largest)
        return
    shape = limits.shape(None, SMALLEST, largest)
    assert offset_of_part(segments + 1, shape.part_size, shape.growth) >= largest
    assert size_of_part(segments, shape.part_size, shape.growth) <= limits.segment_bytes
    assert limits.count(None, shape) == segments


def test_an_unknown_size_begins_small() -> None:
    shape = Limits().shape(None, SMALLEST, TIB)
    assert shape.growth
    assert shape.part_size <= 64 * MIB


def test_what_is_too_large_is_refused() -> None:
    with pytest.raises(InvalidInput):
        Limits().shape(TIB + 1, SMALLEST, TIB)
    with pytest.raises(InvalidInput):
        Limits(segments=10).shape(100 * GIB, SMALLEST, TIB)


def test_a_server_tells_its_limits() -> None:
    tempurl = {"allowed_digests": ["sha1", "sha256", "sha512"], "incoming_remove_headers": []}
    swift, slo = {"max_file_size": 2 * GIB}, {"max_manifest_segments": 4000}
    assert Limits.of({"swift": swift, "slo": slo, "tempurl": tempurl}) == Limits(
        segments=4000, segment_bytes=2 * GIB, digest="sha256", container_keys=True
    )


def test_ceph_signs_with_sha1_and_has_no_keys_of_containers() -> None:
    assert Limits.of({"tempurl": {"methods": ["GET", "PUT"]}}) == Limits()
