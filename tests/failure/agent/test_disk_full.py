"""The destination's disk fills up under the copy."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from stowage_contracts.errors import OutOfSpace, Retry
from stowage_contracts.values import ImageFormat

from tests.integration.hypervisor_agent.kit import (
    MIB,
    end,
    from_url,
    hop,
    make_tools,
    noise,
    order,
    part_of,
)
from tests.integration.hypervisor_agent.source_server import Source, serving


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """32 MiB of file system."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=32m", "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("no right to mount a small file system here")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


async def test_what_cannot_fit_is_refused_before_it_is_fetched(small_disk: Path) -> None:
    qcow2 = end(ImageFormat.QCOW2)
    asked = order(source=qcow2, destination=qcow2)
    async with serving(Source(noise(48 * MIB))) as source:
        grants = from_url(source.url, part_of(small_disk, asked))
        with pytest.raises(OutOfSpace) as caught:
            await hop(asked, grants, make_tools(small_disk)).run()
    assert caught.value.hint
    assert source.sent <= 1


async def test_a_raw_image_is_tried_because_zeros_cost_nothing(small_disk: Path) -> None:
    data = bytes(40 * MIB) + noise(MIB)
    asked = order()
    part = part_of(small_disk, asked)
    async with serving(Source(data)) as source:
        receipt = await hop(asked, from_url(source.url, part), make_tools(small_disk)).run()
    assert receipt.size == len(data)
    assert part.read_bytes() == data


async def test_a_disk_that_fills_up_is_out_of_space(small_disk: Path) -> None:
    asked = order()
    async with serving(Source(noise(48 * MIB))) as source:
        grants = from_url(source.url, part_of(small_disk, asked))
        with pytest.raises(OutOfSpace) as caught:
            await hop(asked, grants, make_tools(small_disk)).run()
    problem = caught.value.problem
    assert problem.code == "out_of_space"
    assert problem.retry is Retry.ELSEWHERE
    assert problem.resource == "h1.1.part"
    assert problem.hint
