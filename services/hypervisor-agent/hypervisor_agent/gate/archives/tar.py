"""A tar archive's members: regular files beside each other, and nothing else.

Reads ustar, GNU and pax archives of any size by their headers; file contents pass unread.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from hypervisor_agent.gate.archives.names import check_base_name
from hypervisor_agent.gate.terms import Refused
from hypervisor_agent.gate.window import Window

BLOCK = 512
MAX_MEMBERS, MAX_HEADERS = 256, 1024
MAX_EXTENSION = 64 * 1024
_LINKS, _DEVICES = b"12", b"346"
_LONG_NAME, _LONG_LINK, _SPARSE, _PAX, _PAX_GLOBAL = b"L", b"K", b"S", b"x", b"g"
_DECIDING = {"path", "size", "linkpath"}


@dataclass(frozen=True)
class Member:
    """One regular file; its place and length in bytes."""

    name: str
    start: int
    size: int


@dataclass
class _Said:
    """What extended headers say of the next member."""

    name: str = ""
    size: int | None = None


async def members(window: Window) -> Mapping[str, Member]:
    """Every member by its name, in the archive's order."""
    found: dict[str, Member] = {}
    at, said = 0, _Said()
    for _ in range(MAX_HEADERS):
        block = await window.read(at, BLOCK)
        if not block.strip(b"\0"):
            await _check_end(window, at)
            return found
        kind, size = _checked(block), _number(block[124:136])
        if kind in (_LONG_NAME, _PAX, _PAX_GLOBAL):
            _take(kind, await _extension(window, at + BLOCK, size), said)
        else:
            size = size if said.size is None else said.size
            member = Member(_name(block, said), at + BLOCK, size)
            _add(member, found, kind)
            window.check_inside(member.start, size, f"member {member.name}")
            said = _Said()
        at += BLOCK + -(-size // BLOCK) * BLOCK
    raise Refused("archive", f"its archive has more than {MAX_HEADERS} headers")


def _add(member: Member, found: dict[str, Member], kind: bytes) -> None:
    if kind in _LINKS:
        raise Refused("archive_link", f"member {member.name!a} is a link")
    if kind in _DEVICES:
        raise Refused("archive_device", f"member {member.name!a} is a device or a pipe")
    if kind == _SPARSE:
        raise Refused("archive_sparse", f"member {member.name!a} is stored as a sparse file")
    if kind not in (b"0", b"\0"):
        raise Refused("archive", f"member {member.name!a} is of kind {kind!a}")
    if member.name.casefold() in {name.casefold() for name in found}:
        raise Refused("archive_duplicate", f"there are two members {member.name!a}")
    if len(found) >= MAX_MEMBERS:
        raise Refused("archive", f"its archive has more than {MAX_MEMBERS} members")
    found[member.name] = member


async def _check_end(window: Window, at: int) -> None:
    """Only zeros may follow, and few; archives end at a multiple of 10 KiB."""
    rest = window.size - at
    if rest > 1 << 20 or (await window.read(at, rest)).strip(b"\0"):
        raise Refused("archive", "there is something after the end of its archive")


def _checked(block: bytes) -> bytes:
    """The kind of member, if the header is sound."""
    if len(block) < BLOCK:
        raise Refused("truncated", "its archive ends within a header")
    if _number(block[148:156]) != sum(block) - sum(block[148:156]) + 8 * 32:
        raise Refused("archive", "the check sum of one of its headers is wrong")
    return block[156:157]


def _number(field: bytes) -> int:
    """Octal digits, or GNU's base 256 for what eleven of them cannot say."""
    if field[0] & 0x80:
        return int.from_bytes(bytes([field[0] & 0x7F]) + field[1:], "big")
    digits = field.strip(b" \0")
    if not all(digit in b"01234567" for digit in digits):
        raise Refused("archive", f"{field!a} is no number")
    return int(digits or b"0", 8)


async def _extension(window: Window, at: int, size: int) -> bytes:
    if size > MAX_EXTENSION:
        raise Refused("archive", f"an extended header of {size} bytes")
    return await window.exactly(at, size, "extended header")


def _take(kind: bytes, data: bytes, said: _Said) -> None:
    if kind == _LONG_NAME:
        said.name = _text(data.rstrip(b"\0"))
        return
    for key, value in _records(data):
        if key.startswith("GNU.sparse") or key == "SCHILY.realsize":
            raise Refused("archive_sparse", "a member is stored as a sparse file")
        if kind == _PAX_GLOBAL and key in _DECIDING:
            raise Refused("archive", f"its archive sets the {key} of every member")
        if key == "path":
            said.name = value
        elif key == "size":
            said.size = _decimal(value)


def _records(data: bytes) -> list[tuple[str, str]]:
    found = []
    while data:
        digits, _, _ = data.partition(b" ")
        length = _decimal(_text(digits[:8]))
        record, data = data[len(digits) + 1 : length], data[length:]
        key, equals, value = record.partition(b"=")
        if length <= len(digits) or not equals or not value.endswith(b"\n"):
            raise Refused("archive", "one of its extended headers is malformed")
        found.append((_text(key), _text(value[:-1])))
    return found


def _decimal(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or len(text) > 18:
        raise Refused("archive", f"{text[:40]!a} is no number")
    return int(text)


def _name(block: bytes, said: _Said) -> str:
    if said.name:
        return check_base_name(said.name)
    name = block[:100].partition(b"\0")[0]
    if block[257:263] == b"ustar\0" and block[345]:
        name = block[345:500].partition(b"\0")[0] + b"/" + name
    return check_base_name(_text(name))


def _text(data: bytes) -> str:
    return data.decode("utf-8", "backslashreplace")
