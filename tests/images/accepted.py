"""What every door must take: format, virtual size and bytes of honest images of all kinds."""

import tarfile
from collections.abc import Callable
from dataclasses import dataclass, replace

from stowage_contracts.values import ImageFormat

from tests.images.disks import gpt_disk, mbr_disk
from tests.images.hostile_disks import STREAM, Builder
from tests.images.iso import Iso
from tests.images.ova import Ova
from tests.images.qcow2 import Qcow2
from tests.images.udf import Udf
from tests.images.vdi import Vdi
from tests.images.vhd import FIXED, FREE, Vhd
from tests.images.vhdx import MIB, PRESENT, Vhdx
from tests.images.vmdk import Vmdk

VIRTUALBOX = """# Disk DescriptorFile
version=1
CID=5ea2b1a1
parentCID=ffffffff
createType="streamOptimized"

# Extent description
RDONLY 2048 SPARSE "box-disk001.vmdk"

# The disk Data Base
#DDB

ddb.adapterType="ide"
ddb.geometry.biosCylinders="1024"
ddb.uuid.image="7f1d5f1f-55a7-4b7f-9f5c-1b9d5d0f9c11"
ddb.uuid.parent="00000000-0000-0000-0000-000000000000"
ddb.comment=""
"""
VSPHERE = """# Disk DescriptorFile\r
version=1\r
encoding="windows-1252"\r
CID=7ef5e03f\r
parentCID=ffffffff\r
isNativeSnapshot="no"\r
createType="streamOptimized"\r
\r
# Extent description\r
RW 2048 SPARSE "generated-stream.vmdk"\r
\r
# The Disk Data Base \r
#DDB\r
\r
ddb.longContentID = "d5eb5b5cf6c8e8b0e8a2c3b57ef5e03f"\r
ddb.toolsInstallType = "4"\r
ddb.uuid = "60 00 C2 9c 0a 1e d7 1f-8d 0e 1b 4f 3c 0a 5e 11"\r
"""


@dataclass(frozen=True)
class Honest:
    """One image as it would be declared."""

    format: ImageFormat
    virtual_size: int
    build: Callable[[], bytes]


def _of(form: ImageFormat, size: int, image: Builder) -> Honest:
    return Honest(form, size, image.build)


def _bridge() -> bytes:
    """An ISO whose terminator is followed by UDF's recognition sequence, as Windows is sold."""
    iso, udf = Iso(blocks=300).build(), Udf().build()
    both = iso[: 18 * 2048] + udf[16 * 2048 : 19 * 2048]
    return both + udf[len(both) :]


QCOW2, VHD, VHDX, VDI = ImageFormat.QCOW2, ImageFormat.VHD, ImageFormat.VHDX, ImageFormat.VDI
VMDK, OVA, ISO, RAW = ImageFormat.VMDK, ImageFormat.OVA, ImageFormat.ISO, ImageFormat.RAW

ACCEPTED: dict[str, Honest] = {
    "raw with an MBR": Honest(RAW, MIB, mbr_disk),
    "raw with a GPT and its backup": Honest(RAW, MIB, gpt_disk),
    "raw of an odd length": Honest(RAW, 1536, lambda: b"\1" * 1025),
    "qcow2": _of(QCOW2, 64 * MIB, Qcow2()),
    "qcow2 of version 2": _of(QCOW2, 64 * MIB, Qcow2(version=2)),
    "qcow2 with lazy refcounts": _of(QCOW2, 64 * MIB, Qcow2(compatible=1)),
    "iso": _of(ISO, 24 * 2048, Iso()),
    "iso and udf": Honest(ISO, 300 * 2048, _bridge),
    "udf": _of(ISO, 300 * 2048, Udf()),
    "udf with a boot entry": _of(
        ISO, 300 * 2048, Udf(sequence=(b"BEA01", b"BOOT2", b"NSR03", b"TEA01"))
    ),
    "vhd": _of(VHD, 4 * MIB, Vhd()),
    "vhd of no blocks": _of(VHD, 4 * MIB, Vhd(table=(FREE, FREE), blocks=0)),
    "vhd by its geometry": _of(VHD, 120 * 4 * 17 * 512, Vhd(creator=b"vpc ")),
    "fixed vhd": _of(VHD, 4 * MIB, Vhd(kind=FIXED)),
    "fixed vhd with a partition table": _of(VHD, 4 * MIB, Vhd(kind=FIXED, content=mbr_disk())),
    "vhdx": _of(VHDX, 4 * MIB, Vhdx()),
    "vhdx of no blocks": _of(VHDX, 64 * MIB, Vhdx(size=64 * MIB, bat=())),
    "vhdx with a discarded block": _of(VHDX, 4 * MIB, Vhdx(bat=(4 * MIB | PRESENT, 2, 3))),
    "vhdx with one broken header": _of(VHDX, 4 * MIB, Vhdx(broken_headers=1)),
    "vdi": _of(VDI, 4 * MIB, Vdi()),
    "vdi with a discarded block": _of(VDI, 4 * MIB, Vdi(map=(0, FREE - 1, FREE, FREE))),
    "fixed vdi": _of(VDI, MIB, Vdi(kind=2, size=MIB, blocks=1, map=(0,))),
    "vmdk": _of(VMDK, MIB, Vmdk()),
    "vmdk with zeroed grains": _of(VMDK, MIB, Vmdk(flags=7, first_grain=1)),
    "vmdk of no tables": _of(VMDK, MIB, Vmdk(table=0)),
    "vmdk stream": _of(VMDK, MIB, STREAM),
    "vmdk stream of VirtualBox": _of(VMDK, MIB, replace(STREAM, text=VIRTUALBOX.encode())),
    "vmdk stream of vSphere": _of(VMDK, MIB, replace(STREAM, text=VSPHERE.encode())),
    "ova": _of(OVA, MIB, Ova()),
    "ova with SHA-1": _of(OVA, MIB, Ova(algorithm="SHA1")),
    "ova without a manifest": _of(OVA, MIB, Ova(manifest=b"")),
    "ova of GNU tar": _of(OVA, MIB, Ova(format=tarfile.GNU_FORMAT)),
    "ova of pax": _of(OVA, MIB, Ova(format=tarfile.PAX_FORMAT, more=[("ü" * 80, b"x")])),
    "ova of GNU with a long name": _of(
        OVA, MIB, Ova(format=tarfile.GNU_FORMAT, more=[("x" * 150, b"x")])
    ),
    "ova with dots before its names": _of(OVA, MIB, Ova(prefix="./")),
    "ova with firmware and certificate": _of(
        OVA, MIB, Ova(more=[("vm.nvram", b"x" * 700), ("vm.cert", b"y")])
    ),
}
"""``qemu-img`` opens all but OVAs; see the tests that say so."""
