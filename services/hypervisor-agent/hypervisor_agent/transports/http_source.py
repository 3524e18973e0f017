"""What a server says of a source: length, validator, whether it can be read in ranges."""

import re
from dataclasses import dataclass

from aiohttp import ClientResponse
from stowage_contracts.errors import SourceChanged, SourceRefused

_RANGE = re.compile(r"^bytes ([0-9]{1,18})-([0-9]{1,18})/([0-9]{1,18})$")
_EMPTY = re.compile(r"^bytes \*/0$")


@dataclass(frozen=True)
class Source:
    """Fixed when it is opened; every later answer must agree."""

    size: int | None
    """None where the answer doesn't tell."""
    etag: str
    modified: str
    ranged: bool
    framed: bool = True
    """Whether a broken connection can be told from its end."""

    @property
    def validator(self) -> str:
        """The strong ETag, else Last-Modified with the length, else nothing."""
        if self.etag:
            return self.etag
        length = "" if self.size is None else f" {self.size}"
        return f"{self.modified}{length}" if self.modified else ""

    @property
    def pin(self) -> dict[str, str]:
        """Conditions under which the server must answer with these very bytes.

        An ETag is compared when the answer comes: Ceph's Swift door tells a large object's own
        but compares If-Match with its manifest's.
        """
        return {"If-Unmodified-Since": self.modified} if self.modified and not self.etag else {}

    def check_range(self, answer: ClientResponse, offset: int, length: int) -> None:
        """Raises SourceChanged or SourceRefused unless ``answer`` is exactly this range."""
        if answer.status == 416:
            raise SourceRefused("it is shorter than it said", code="length")
        if answer.status != 206:
            raise SourceChanged("it no longer answers with a range of the same bytes")
        match = _RANGE.match(answer.headers.get("Content-Range", ""))
        told = tuple(map(int, match.groups())) if match else None
        self.check_same(answer)
        if told is None or (told[0], told[2]) != (offset, self.size):
            raise SourceChanged("it answers with another range than was asked for")
        if told[1] != offset + length - 1:
            raise SourceRefused("it is shorter than it said", code="length")

    def check_same(self, answer: ClientResponse) -> None:
        """Raises SourceChanged when the validator of ``answer`` is another one."""
        if answer.status == 412:
            raise SourceChanged("it has changed since the copy began")
        etag, modified = validators(answer)
        if (etag, modified if not etag else "") != (self.etag, "" if self.etag else self.modified):
            raise SourceChanged("it has changed since the copy began")


def described(answer: ClientResponse) -> Source:
    """The source behind an answer to ``Range: bytes=0-0``. Raises SourceRefused."""
    etag, modified = validators(answer)
    told = answer.headers.get("Content-Range", "")
    if answer.status == 416 and _EMPTY.match(told):
        return Source(0, etag, modified, ranged=True)
    if answer.status == 206 and (match := _RANGE.match(told)):
        return Source(int(match[3]), etag, modified, ranged=True)
    if answer.status == 200 and answer.content_length is not None:
        return Source(answer.content_length, etag, modified, ranged=False)
    if answer.status == 200:
        chunked = answer.headers.get("Transfer-Encoding", "").lower() == "chunked"
        return Source(None, etag, modified, ranged=False, framed=chunked)
    raise SourceRefused(f"it answered {answer.status} to a request for a range", code="range")


def validators(answer: ClientResponse) -> tuple[str, str]:
    """(strong ETag, Last-Modified), each empty where it is missing or no printable ASCII."""
    etag, modified = _plain(answer, "ETag"), _plain(answer, "Last-Modified")
    return "" if etag.startswith("W/") else etag, modified


def _plain(answer: ClientResponse, name: str) -> str:
    """Other bytes could be neither sent back nor written to a journal."""
    text = answer.headers.get(name, "")
    return text if text.isascii() and text.isprintable() else ""
