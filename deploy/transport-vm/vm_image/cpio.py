"""Archives a kernel unpacks as its first file system (cpio, "newc"), the same bytes each time."""

from __future__ import annotations

import stat
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Entry:
    """A file, link, folder or device; everything belongs to root and has no age."""

    mode: int
    data: bytes = b""
    device: tuple[int, int] = (0, 0)


def file(data: bytes, mode: int = 0o644) -> Entry:
    return Entry(stat.S_IFREG | mode, data)


def program(data: bytes) -> Entry:
    return file(data, 0o755)


def link(target: str) -> Entry:
    return Entry(stat.S_IFLNK | 0o777, target.encode())


def folder(mode: int = 0o755) -> Entry:
    return Entry(stat.S_IFDIR | mode)


def character_device(major: int, minor: int) -> Entry:
    return Entry(stat.S_IFCHR | 0o600, device=(major, minor))


def archive(tree: Mapping[str, Entry]) -> bytes:
    """The archive of a tree: its names are relative; folders that are not named are made."""
    whole = {parent: folder() for name in tree for parent in _parents(name)} | dict(tree)
    parts = [_record(at, name, whole[name]) for at, name in enumerate(sorted(whole), start=1)]
    parts.append(_record(0, "TRAILER!!!", Entry(0)))
    return _padded(b"".join(parts), 512)


def _parents(name: str) -> list[str]:
    steps = name.split("/")[:-1]
    return ["/".join(steps[: at + 1]) for at in range(len(steps))]


def _record(number: int, name: str, entry: Entry) -> bytes:
    links = 2 if stat.S_ISDIR(entry.mode) else 1
    encoded = name.encode() + b"\0"
    numbers = (number, entry.mode, 0, 0, links, 0, len(entry.data), 0, 0, *entry.device)
    head = b"070701" + b"".join(b"%08X" % value for value in (*numbers, len(encoded), 0))
    return _padded(head + encoded) + _padded(entry.data)


def _padded(data: bytes, unit: int = 4) -> bytes:
    return data + b"\0" * (-len(data) % unit)
