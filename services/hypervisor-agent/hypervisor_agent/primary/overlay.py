"""qcow2 overlays on the pool's own copies: linked clones."""

import os
import posixpath
from pathlib import Path

from stowage_contracts.errors import Conflict, InvalidInput
from stowage_contracts.values import ImageFormat

from hypervisor_agent.gate.qcow2 import BACKING_FORMAT, DATA_FILE
from hypervisor_agent.gate.qcow2_header import Header, extensions, parse
from hypervisor_agent.hypervisors.qemu_img import qemu_img

LONGEST = 64 << 20
"""Bytes of an empty overlay: its tables grow with the virtual size."""
_HEAD = 64 << 10
_BASES = (ImageFormat.QCOW2, ImageFormat.RAW)


def beside(base_key: str, key: str) -> str:
    """How an overlay at ``key`` names a base at ``base_key`` of the same pool."""
    return posixpath.relpath(base_key, posixpath.dirname(key) or ".")


async def create(part: Path, name: str, format: ImageFormat, size: int) -> None:
    """An empty overlay of ``size`` virtual bytes on the base ``name``, which is not opened: from
    the part it would be another file."""
    if format not in _BASES:
        raise InvalidInput(f"an overlay can't stand on {format}", code="base", resource=name)
    options = ("-u", "-f", "qcow2", "-F", format.value, "-b", name)
    await qemu_img("create", "-q", *options, str(part), str(size), resource=part.name)


def read_back(part: Path, name: str, format: ImageFormat, size: int) -> bytes:
    """All of an overlay, durable and seen to stand on exactly that base; the gate, which takes no
    backing file at all, is not asked. Blocking; raises OSError, Conflict."""
    number = os.open(part, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    with os.fdopen(number, "rb") as file:
        os.fsync(number)
        content = file.read(LONGEST + 1)
    header = parse(content[:_HEAD])
    told = (_backing(content, header), _format(content, header), header.virtual_size)
    if told != (name, format.value, size) or header.incompatible & DATA_FILE:
        raise Conflict(
            f"the overlay stands on {told[0]} ({told[1]}, {told[2]} bytes), not on {name}",
            resource=part.name,
            code="overlay",
        )
    if len(content) > LONGEST:
        raise Conflict("the overlay is not empty", resource=part.name, code="overlay")
    return content


def _backing(content: bytes, header: Header) -> str:
    return content[header.backing_offset :][: header.backing_size].decode()


def _format(content: bytes, header: Header) -> str:
    found = dict(extensions(header, content[:_HEAD]))
    return found.get(BACKING_FORMAT, b"").decode()
