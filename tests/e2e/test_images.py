"""Real qcow2 and ISO images on their way: judged, converted, refused, kept exact."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.operator import Operator
from tests.e2e.sources import MIB, Source, image, serving
from tests.images import Iso, Qcow2
from tests.images.honest import qcow2_file, qemu_img

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(180), pytest.mark.slow]


async def test_a_qcow2_template_becomes_a_raw_volume_of_equal_content(
    operator: Operator, tmp_path: Path
) -> None:
    disk = qcow2_file(tmp_path / "disk.qcow2", (), 8 * MIB)
    async with serving(Source(disk.read_bytes())) as source:
        made = await operator.register(source.url, format="qcow2", checksum=source.sha256)
        template = await operator.settle(f"templates/{made['id']}")
    assert template["ready"], template["error"]
    assert template["virtual_size"] == 8 * MIB
    asked = await operator.copy(made["id"], volume_id="raw-volume", format="raw")
    copy = await operator.settle(f"copies/{asked['id']}")
    assert copy["state"] == "done", copy["error"]
    volume = operator.deployment.folder / "pool1" / "raw-volume.raw"
    qemu_img("compare", "-f", "qcow2", "-F", "raw", disk, volume)
    assert volume.stat().st_size == 8 * MIB


async def test_an_iso_is_an_iso(operator: Operator) -> None:
    async with serving(Source(Iso(blocks=600).build())) as source:
        made = await operator.register(source.url, format="iso")
        template = await operator.settle(f"templates/{made['id']}")
    assert template["ready"], template["error"]
    assert template["kind"] == "iso"


HOSTILE = {
    "image.backing_file": (
        Qcow2(backing_offset=512, backing_size=11, patch=(512, b"/etc/passwd")),
        "qcow2",
    ),
    "image.format_mismatch": (Qcow2(), "raw"),
}


@pytest.mark.parametrize("code", HOSTILE)
@pytest.mark.parametrize("store", ["s1", "s3"])
async def test_a_hostile_image_is_refused_on_every_store_and_its_bytes_are_gone(
    operator: Operator, s3_store: str, code: str, store: str
) -> None:
    built, declared = HOSTILE[code]
    async with serving(Source(built.build())) as source:
        made = await operator.register(source.url, format=declared, store_ids=[store])
        template = await operator.settle(f"templates/{made['id']}")
    assert not template["ready"]
    assert template["error"]["code"] == code
    assert template["error"]["hint"]
    left = [p for p in operator.deployment.folder.rglob(f"*{made['id']}*") if p.is_file()]
    assert left == []


async def test_a_sparse_disk_stays_sparse(operator: Operator) -> None:
    content = image(2 * MIB) + bytes(62 * MIB)
    async with serving(Source(content)) as source:
        made = await operator.register(source.url, store_ids=["s1"])
        template = await operator.settle(f"templates/{made['id']}")
    assert template["ready"], template["error"]
    (stored,) = (operator.deployment.folder / "s1" / "template").rglob(f"{made['id']}.raw")
    assert stored.stat().st_size == 64 * MIB
    assert stored.stat().st_blocks * 512 < 8 * MIB
    assert stored.read_bytes() == content
