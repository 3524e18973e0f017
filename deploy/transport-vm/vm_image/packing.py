"""The same image as disks that boot by themselves, for hypervisors that start templates."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
import tempfile
from pathlib import Path

from vm_image.building import facts_of, replacing
from vm_image.debian import Unpacked, fetch
from vm_image.ovf import envelope
from vm_image.tools import PLACES, BuildError, need, run

TOOLS = {"apt-get": "apt", "dpkg-deb": "dpkg", "qemu-img": "qemu-utils"}
PACKAGES = ("mtools", "syslinux", "syslinux-common")
MEBI = 1 << 20
DISK_BYTES, PARTITION = 64 * MEBI, MEBI
BOOT = """\
DEFAULT stowage
PROMPT 0
TIMEOUT 0
LABEL stowage
  LINUX vmlinuz
  INITRD initrd.zst
  APPEND console=tty0 console=ttyS0,115200 quiet panic=10 stowage.config=disk
"""


def pack(image: Path, out: Path) -> dict[str, dict[str, object]]:
    """Write templates for KVM, XenServer and VMware into a folder; answers sizes and digests.

    Raises BuildError.
    """
    need(TOOLS)
    if not (image / "manifest.json").exists():
        raise BuildError(f"{image} holds no image: run build first")
    with replacing(out) as fresh, tempfile.TemporaryDirectory(prefix="stowage-vm-") as work:
        raw = Path(work) / "disk.raw"
        _bootable(raw, image, fetch(PACKAGES, Path(work)))
        _convert(raw, fresh / "transport-vm.qcow2", "qcow2", "compat=1.1", compressed=True)
        _convert(raw, fresh / "transport-vm.vhd", "vpc", "subformat=dynamic,force_size=on")
        disk = Path(work) / "transport-vm-disk1.vmdk"
        _convert(raw, disk, "vmdk", "subformat=streamOptimized,adapter_type=lsilogic")
        _write_ova(fresh / "transport-vm.ova", disk)
        files = {path.name: facts_of(path) for path in sorted(fresh.iterdir())}
        told = json.loads((image / "manifest.json").read_text()) | {"files": files}
        (fresh / "manifest.json").write_text(json.dumps(told, indent=2) + "\n")
    return files


def _bootable(raw: Path, image: Path, packages: Unpacked) -> None:
    """A disk with one active FAT partition, which syslinux boots by the BIOS."""
    with raw.open("wb") as file:
        file.truncate(DISK_BYTES)
        file.write(packages.first("usr/lib/syslinux/mbr/mbr.bin").read_bytes()[:440])
        file.seek(446)
        file.write(_partition())
    settings = raw.with_name("syslinux.cfg")
    settings.write_text(BOOT)
    places = f"{packages.root / 'usr/bin'}:{PLACES}"
    at, sectors = f"{raw}@@{PARTITION}", str((DISK_BYTES - PARTITION) // 512)
    shape = ("-h", "64", "-s", "32", "-H", str(PARTITION // 512))
    run(["mformat", "-i", at, "-T", sectors, *shape, "-N", "0", "::"], 30, None, places)
    files = (image / "vmlinuz", image / "initrd.zst", settings)
    run(["mcopy", "-i", at, *files, "::"], 60, None, places)
    run(["syslinux", "--install", "--offset", str(PARTITION), raw], 60, None, places)


def _partition() -> bytes:
    """The first entry of a partition table: active, FAT16 by LBA; and the table's mark."""
    begin, length = PARTITION // 512, (DISK_BYTES - PARTITION) // 512
    numbers = begin.to_bytes(4, "little") + length.to_bytes(4, "little")
    return b"\x80\xfe\xff\xff\x0e\xfe\xff\xff" + numbers + bytes(48) + b"\x55\xaa"


def _convert(raw: Path, target: Path, form: str, options: str, compressed: bool = False) -> None:
    squeeze = ["-c"] if compressed else []
    run(["qemu-img", "convert", "-f", "raw", "-O", form, "-o", options, *squeeze, raw, target], 120)


def _write_ova(ova: Path, disk: Path) -> None:
    """A tar of GNU's kind: the envelope first, as readers want it, then digests, then the disk."""
    described = envelope(disk.name, disk.stat().st_size, DISK_BYTES).encode()
    names = {"transport-vm.ovf": described, disk.name: disk.read_bytes()}
    digests = [
        f"SHA256({name})= {hashlib.sha256(data).hexdigest()}\n" for name, data in names.items()
    ]
    members = [
        ("transport-vm.ovf", described),
        ("transport-vm.mf", "".join(digests).encode()),
        (disk.name, names[disk.name]),
    ]
    with tarfile.open(ova, "w", format=tarfile.GNU_FORMAT) as archive:
        for name, data in members:
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
