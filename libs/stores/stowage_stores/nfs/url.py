"""NfsUrl: where an export is and how it is reached, out of a URL with few allowed options."""

import re
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

SCHEME = "nfs"
PORT = 2049
_SERVER = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,252}[A-Za-z0-9])?|[0-9A-Fa-f:.]{2,45}")
_LARGEST = {
    "nfsport": 65535,
    "mountport": 65535,
    "uid": 2**31 - 1,
    "gid": 2**31 - 1,
    "auto-traverse-mounts": 1,
}
OPTIONS = ("version", *_LARGEST)


@dataclass(frozen=True)
class NfsUrl:
    """``nfs://server[:port]/export[?option=value&…]``; a port of 0 asks the portmapper."""

    server: str
    export: PurePosixPath
    file: PurePosixPath | None = None
    """Below the export; only grants name one."""
    version: int = 3
    nfsport: int = 0
    mountport: int = 0
    uid: int | None = None
    gid: int | None = None
    traverse: bool = False
    """Whether exports mounted below this one are entered."""

    @classmethod
    def parse(cls, url: str) -> "NfsUrl":
        """Raises ValueError, which says what is wrong and repeats nothing of the URL."""
        parts = urlsplit(url)
        if parts.scheme != SCHEME or parts.fragment or "@" in parts.netloc:
            raise ValueError("nfs://server[:port]/export[?option=value]")
        told = _options(parts.query)
        file = told.pop("export", None)
        numbers = _numbers(told)
        known = cls(
            _server(parts.hostname),
            _path(unquote(parts.path)),
            version=numbers.get("version", 3),
            nfsport=parts.port or numbers.get("nfsport", 0),
            mountport=numbers.get("mountport", 0),
            uid=numbers.get("uid"),
            gid=numbers.get("gid"),
            traverse=bool(numbers.get("auto-traverse-mounts")),
        )
        return known if file is None else known._split(_path(file))

    def of(self, file: PurePosixPath) -> str:
        """The URL of a file below the export, which names the export as well."""
        return self._written(self.export / file, {"export": str(self.export)})

    @property
    def path(self) -> bytes:
        """The file, as seen from the export."""
        return b"/" if self.file is None else f"/{self.file}".encode()

    @property
    def shown(self) -> str:
        """For people: no options."""
        return f"{SCHEME}://{self.server}{self.export}"

    @property
    def options(self) -> dict[str, int]:
        """Those that differ from what is usual."""
        told = {"nfsport": self.nfsport or None, "mountport": self.mountport or None}
        told |= {"uid": self.uid, "gid": self.gid}
        return {"version": self.version} | {k: v for k, v in told.items() if v is not None}

    def __str__(self) -> str:
        """As ``parse`` takes it."""
        return self._written(self.export, {})

    def _written(self, path: PurePosixPath, more: dict[str, str]) -> str:
        host = f"[{self.server}]" if ":" in self.server else self.server
        options = {**self.options, "auto-traverse-mounts": int(self.traverse), **more}
        return f"{SCHEME}://{host}{quote(str(path), errors='surrogateescape')}?{urlencode(options)}"

    def _split(self, export: PurePosixPath) -> "NfsUrl":
        if not self.export.is_relative_to(export) or self.export == export:
            raise ValueError("the file does not lie below its export")
        return replace(self, export=export, file=self.export.relative_to(export))


def _options(query: str) -> dict[str, str]:
    rows = parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query))
    told = dict(rows)
    if len(told) < len(rows) or not told.keys() <= {*OPTIONS, "export"}:
        raise ValueError(f"each option once, and only {', '.join(OPTIONS)}")
    return told


def _numbers(told: dict[str, str]) -> dict[str, int]:
    numbers = {}
    for name, text in told.items():
        least, most = (3, 4) if name == "version" else (0, _LARGEST[name])
        if not re.fullmatch(r"\d{1,10}", text) or not least <= int(text) <= most:
            raise ValueError(f"{name} is a number from {least} to {most}")
        numbers[name] = int(text)
    return numbers


def _server(name: str | None) -> str:
    if not name or not _SERVER.fullmatch(name):
        raise ValueError("the server is a host name or an address")
    return name


def _path(text: str) -> PurePosixPath:
    path = PurePosixPath(text)
    plain = text.startswith("/") and not text.startswith("//") and ".." not in path.parts
    if not plain or any(ord(letter) < 32 or ord(letter) == 127 for letter in text):
        raise ValueError("the export is an absolute path without '..'")
    return path
