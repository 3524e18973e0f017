"""Which modules a kernel must load, in which order, told by the modules themselves."""

from __future__ import annotations

import lzma
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from vm_image.tools import BuildError

NAME = re.compile(r"([^/]+)\.ko(\.xz)?$")


@dataclass(frozen=True)
class Kernel:
    """One kernel's modules, below `lib/modules/<release>`."""

    folder: Path

    @property
    def release(self) -> str:
        return self.folder.name

    def load_order(self, wanted: Iterable[str]) -> list[tuple[str, bytes]]:
        """Names and contents of modules, each behind those it needs; built-in ones are left out.

        Raises BuildError for one this kernel does not have.
        """
        order: dict[str, bytes] = {}
        for name in wanted:
            self._add(name, order)
        return list(order.items())

    def _add(self, name: str, order: dict[str, bytes]) -> None:
        name = _plain(name)
        if name in order or name in self._built_in:
            return
        if name not in self._files:
            raise BuildError(f"kernel {self.release} has no module {name}")
        data = _content(self._files[name])
        for needed in _needs(data):
            self._add(needed, order)
        order[name] = data

    @cached_property
    def _built_in(self) -> frozenset[str]:
        return frozenset(_names((self.folder / "modules.builtin").read_text().split()))

    @cached_property
    def _files(self) -> dict[str, Path]:
        found = sorted(self.folder.rglob("*.ko*"))
        return dict(zip(_names(str(path) for path in found), found, strict=True))


def _names(paths: Iterable[str]) -> Iterator[str]:
    for path in paths:
        match = NAME.search(path)
        if match:
            yield _plain(match[1])


def _plain(name: str) -> str:
    return name.replace("-", "_")


def _content(path: Path) -> bytes:
    data = path.read_bytes()
    return lzma.decompress(data) if path.suffix == ".xz" else data


def _needs(module: bytes) -> list[str]:
    """What its information section says behind `depends=`."""
    match = re.search(rb"\0depends=([^\0]*)\0", module)
    return [name for name in match[1].decode().split(",") if name] if match else []
