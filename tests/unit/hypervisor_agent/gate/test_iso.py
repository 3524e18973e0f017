"""An ISO must have a sound primary volume descriptor and all of its blocks."""

import pytest
from stowage_contracts.values import ImageFormat

from tests.images import Iso
from tests.unit.hypervisor_agent.gate.judging import judge

REFUSED = {
    "declares more blocks than it has": Iso(declared_blocks=25),
    "declares no blocks": Iso(declared_blocks=0),
    "reads two sizes": Iso(declared_big_endian=1),
    "blocks of 4096 bytes": Iso(block_size=4096),
    "blocks of no bytes": Iso(block_size=0),
    "root directory outside": Iso(root=24),
    "no root directory": Iso(root=0),
    "unknown version": Iso(version=2),
    "no primary descriptor": Iso(primary=False),
    "no terminator": Iso(terminated=False),
    "nothing after the descriptor": Iso(blocks=17, declared_blocks=1, terminated=False),
}


@pytest.mark.parametrize("name", REFUSED)
async def test_a_dishonest_iso_is_refused(name: str) -> None:
    verdict = await judge(REFUSED[name].build(), ImageFormat.ISO)
    assert verdict.code == "image.volume_descriptor", verdict.reason


async def test_descriptors_without_end_are_refused_after_the_first_hundred_kilobytes() -> None:
    data = Iso(blocks=16).build() + (b"\2CD001\1".ljust(2048, b"\0") * 512)
    assert (await judge(data, ImageFormat.ISO)).code == "image.volume_descriptor"


@pytest.mark.parametrize("image", [Iso(), Iso(blocks=1000), Iso(declared_blocks=20)])
async def test_an_honest_iso_is_as_large_as_its_file(image: Iso) -> None:
    verdict = await judge(image.build(), ImageFormat.ISO)
    assert verdict.accepted, verdict.reason
    assert verdict.virtual_size == image.blocks * 2048


async def test_an_iso_above_the_limit_is_refused() -> None:
    verdict = await judge(Iso().build(), ImageFormat.ISO, limit=2048)
    assert verdict.code == "image.too_large"
