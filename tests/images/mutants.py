"""Images with some of their bytes changed, and resealed where a check sum would hide the change."""

import struct
from collections.abc import Callable, Sequence

from hypervisor_agent.gate.crc32c import crc32c
from hypervisor_agent.gate.vhd import checksum
from stowage_contracts.values import ImageFormat

from tests.images.accepted import ACCEPTED

KIB = 1024
Patch = tuple[int, bytes]
"""An offset (modulo the image's length) and what is put there."""


def mutate(data: bytes, patches: Sequence[Patch]) -> bytes:
    """The image with some bytes overwritten, never longer than it was."""
    image = bytearray(data)
    for at, value in patches:
        at %= max(1, len(image))
        image[at : at + len(value)] = value[: len(image) - at]
    return bytes(image)


def resealed(data: bytes, form: ImageFormat) -> bytes:
    """With the check sums its format has, as a careful attacker would."""
    seal = _SEALS.get(form)
    return data if seal is None or len(data) < 2048 else seal(bytearray(data))


def _seal_vhd(image: bytearray) -> bytes:
    places = [(at, 512, 64) for at in (0, len(image) - 512)] + [(512, 1024, 36)]
    for at, length, told in places:
        part = bytes(image[at : at + length])
        if part.startswith((b"conectix", b"cxsparse")):
            total = checksum(part, told)
            struct.pack_into(">I", image, at + told, total)
    return bytes(image)


def _seal_vhdx(image: bytearray) -> bytes:
    if len(image) < 320 * KIB:
        return bytes(image)
    image[256 * KIB : 320 * KIB] = image[192 * KIB : 256 * KIB]
    for at, length in ((64, 4), (128, 4), (192, 64), (256, 64)):
        start, end = at * KIB, (at + length) * KIB
        image[start + 4 : start + 8] = bytes(4)
        struct.pack_into("<I", image, start + 4, crc32c(bytes(image[start:end])))
    return bytes(image)


def _seal_tar(image: bytearray) -> bytes:
    at = 0
    while at + 512 <= len(image) and any(image[at : at + 512]):
        header = image[at : at + 512]
        header[148:156] = b" " * 8
        image[at + 148 : at + 156] = b"%06o\0 " % sum(header)
        digits = bytes(image[at + 124 : at + 135])
        size = int(digits, 8) if digits.isdigit() and not set(digits) & set(b"89") else 0
        at += 512 + -(-size // 512) * 512
    return bytes(image)


_SEALS: dict[ImageFormat, Callable[[bytearray], bytes]] = {
    ImageFormat.VHD: _seal_vhd,
    ImageFormat.VHDX: _seal_vhdx,
    ImageFormat.OVA: _seal_tar,
}
_ENDS = {
    ImageFormat.RAW: [range(8), range(440, 512)],
    ImageFormat.QCOW2: [range(120), range(3 * 65536, 3 * 65536 + 16)],
    ImageFormat.ISO: [range(0x8000, 0x8000 + 200), range(0x8800, 0x8808)],
    ImageFormat.VHD: [range(86), range(512, 512 + 640), range(1536, 1552), range(-512, -420)],
    ImageFormat.VDI: [range(64, 96), range(340, 460), range(512, 528)],
    ImageFormat.VMDK: [range(79), range(512, 900), range(26 * 512, 26 * 512 + 8)],
    ImageFormat.OVA: [range(160), range(256, 270), range(512, 1400)],
    ImageFormat.VHDX: [
        range(8),
        *(range(at * KIB, at * KIB + 80) for at in (64, 192)),
        range(2048 * KIB, 2048 * KIB + 200),
        range(2112 * KIB, 2112 * KIB + 80),
        range(3072 * KIB, 3072 * KIB + 8),
    ],
}


def header_bytes(form: ImageFormat) -> list[int]:
    """Offsets of the bytes the gate believes (negative ones from the end)."""
    return [at for each in _ENDS[form] for at in each]


BASES: dict[ImageFormat, bytes] = {
    form: next(image.build() for image in ACCEPTED.values() if image.format is form)
    for form in _ENDS
}
"""One honest image of each format."""
