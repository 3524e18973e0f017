"""Every hostile image against every way bytes come in: refused with its code, nothing kept."""

from pathlib import Path

import pytest
from stowage_contracts.errors import ImageRefused
from stowage_contracts.values import EndKind, ImageFormat

from tests.images.accepted import ACCEPTED
from tests.images.hostile import HOSTILE, PACKED, Hostile
from tests.images.packed import PACKERS
from tests.integration.hypervisor_agent.kit import (
    GivenGrants,
    end,
    file_grant,
    from_url,
    hop,
    make_tools,
    order,
    part_of,
)
from tests.integration.hypervisor_agent.source_server import Source, serving


async def by_url(data: bytes, form: ImageFormat, root: Path) -> Path:
    """A registration from a URL; where its part lies."""
    source_end = end(form).model_copy(update={"kind": EndKind.URL})
    asked = order(source=source_end, destination=end(form))
    part = part_of(root, asked)
    async with serving(Source(data)) as source:
        await hop(asked, from_url(source.url, part), make_tools(root)).run()
    return part


async def by_file(data: bytes, form: ImageFormat, root: Path) -> Path:
    """An import from a file store; where its part lies."""
    given = root / "given"
    given.write_bytes(data)
    asked = order(source=end(form), destination=end(form))
    part = part_of(root, asked)
    grants = GivenGrants(lambda: file_grant(given), lambda _: file_grant(part, writes=True))
    await hop(asked, grants, make_tools(root)).run()
    return part


DOORS = {"url": by_url, "file": by_file}


async def _refused(door: str, image: Hostile, root: Path) -> str:
    with pytest.raises(ImageRefused) as caught:
        await DOORS[door](image.build(), image.declared, root)
    assert not any((root / ".stowage").iterdir())
    assert "/etc/passwd" not in str(caught.value.problem.hint)
    return caught.value.code


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("door", DOORS)
async def test_a_hostile_image_is_refused_and_its_bytes_are_gone(
    door: str, name: str, tmp_path: Path
) -> None:
    assert await _refused(door, HOSTILE[name], tmp_path) == f"image.{HOSTILE[name].code}"


@pytest.mark.parametrize("name", PACKED)
async def test_a_hostile_image_is_refused_though_it_is_unpacked_on_its_way(
    name: str, tmp_path: Path
) -> None:
    code = await _refused("url", PACKED[name], tmp_path)
    assert code == f"image.{PACKED[name].code}"


@pytest.mark.parametrize("kind", PACKERS)
async def test_a_compressed_image_is_refused_where_it_would_be_stored_as_it_is(
    kind: str, tmp_path: Path
) -> None:
    packed = Hostile(ImageFormat.RAW, "", lambda: PACKERS[kind](b"\1" * 4096))
    assert await _refused("file", packed, tmp_path) == "image.compressed"


@pytest.mark.parametrize("name", ACCEPTED)
@pytest.mark.parametrize("door", DOORS)
async def test_an_honest_image_comes_through_as_it_was(
    door: str, name: str, tmp_path: Path
) -> None:
    data = ACCEPTED[name].build()
    part = await DOORS[door](data, ACCEPTED[name].format, tmp_path)
    assert part.read_bytes() == data


@pytest.mark.parametrize("kind", PACKERS)
@pytest.mark.parametrize("form", ["raw with an MBR", "qcow2", "vhd", "vmdk stream", "iso"])
async def test_an_honest_compressed_image_comes_through_unpacked(
    kind: str, form: str, tmp_path: Path
) -> None:
    data = ACCEPTED[form].build()
    part = await by_url(PACKERS[kind](data), ACCEPTED[form].format, tmp_path)
    assert part.read_bytes() == data
