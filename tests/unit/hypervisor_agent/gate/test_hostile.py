"""Every hostile image is refused with its own code, and costs little."""

import tracemalloc

import pytest
from hypervisor_agent.gate import Expectation, Option, inspect
from hypervisor_agent.gate.window import BUDGET
from stowage_contracts.values import ImageFormat

from tests.images import MemoryImage
from tests.images.hostile import HOSTILE, PACKED, Hostile
from tests.images.ova import Ova
from tests.images.packed import PACKERS

EIB = 1 << 60
MEMORY = 160 * 1024 * 1024


async def refused(image: Hostile, *allowed: Option) -> str:
    """The code it is refused with, which always comes with a reason."""
    stored = MemoryImage(image.build())
    verdict = await inspect(stored, Expectation(image.declared, EIB, frozenset(allowed)))
    assert not verdict.accepted
    assert verdict.reason
    assert verdict.virtual_size == 0
    assert sum(stored.reads) <= BUDGET + 10 * stored.size
    return verdict.code


@pytest.mark.parametrize("name", HOSTILE)
async def test_a_hostile_image_is_refused_with_its_code(name: str) -> None:
    assert await refused(HOSTILE[name]) == f"image.{HOSTILE[name].code}"


@pytest.mark.parametrize("name", PACKED)
async def test_a_hostile_image_in_a_compressed_stream_is_refused_too(name: str) -> None:
    assert await refused(PACKED[name], Option.COMPRESSED) == f"image.{PACKED[name].code}"


@pytest.mark.parametrize("name", PACKED)
async def test_a_compressed_stream_is_refused_unread_where_none_is_taken(name: str) -> None:
    stored = MemoryImage(PACKED[name].build())
    verdict = await inspect(stored, Expectation(PACKED[name].declared, EIB))
    assert (verdict.code, verdict.compression in PACKERS) == ("image.compressed", True)
    assert len(stored.reads) <= 2


@pytest.mark.parametrize("kind", PACKERS)
async def test_an_archive_in_a_compressed_stream_is_refused(kind: str) -> None:
    packed = Hostile(ImageFormat.OVA, "archive", lambda: PACKERS[kind](Ova().build()))
    assert await refused(packed, Option.COMPRESSED) == "image.archive"


@pytest.mark.parametrize("kind", PACKERS)
async def test_a_bomb_is_refused_in_little_memory(kind: str) -> None:
    bomb = PACKED[f"{kind} bomb"]
    stored = MemoryImage(bomb.build())
    tracemalloc.start()
    try:
        verdict = await inspect(
            stored, Expectation(bomb.declared, EIB, frozenset({Option.COMPRESSED}))
        )
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert verdict.code == "image.bomb"
    assert peak < MEMORY
