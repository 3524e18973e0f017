"""Uploads as CloudStack's clients send them: a form with one file, and three headers.

``X-metadata`` and ``X-signature`` are the two halves of a link's token; ``X-expires`` its end.
"""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from aiohttp import web
from stowage_contracts.errors import GrantRefused, InvalidInput, Unavailable

from hypervisor_agent.links.opening import Link
from hypervisor_agent.links.spans import LengthWanted

_BOUNDARY = re.compile(r'boundary=(?:"([^"]{1,70})"|([^;,\s]{1,70}))', re.IGNORECASE)
_LINES, _HEAD = 32, 16 * 1024
"""Lines and bytes a file's own headers may have."""
_SECONDS = 15.0
"""How long what is around the file may take to come."""


def posted_token(request: web.Request) -> str:
    """Raises GrantRefused without the headers."""
    metadata = request.headers.get("X-metadata", "").strip()
    signature = request.headers.get("X-signature", "").strip()
    if not metadata or not signature:
        raise GrantRefused("X-metadata or X-signature is missing", code="malformed")
    return f"{metadata}.{signature}"


def check_posted(request: web.Request, link: Link) -> None:
    """Raises GrantRefused where path or expiry are not those that were signed."""
    if request.match_info["object_id"] != link.claims.object.object.id:
        raise GrantRefused("the path names another upload", code="forged")
    told = request.headers.get("X-expires", "").strip()
    try:
        expires = datetime.fromisoformat(told)
    except ValueError:
        raise GrantRefused("X-expires is missing or no time", code="malformed") from None
    if expires.tzinfo is None or expires <= datetime.now(UTC):
        raise GrantRefused("the upload's time is over", code="expired")


@dataclass(frozen=True)
class Form:
    """A form whose file's bytes are what is read next."""

    size: int
    """Of the file."""
    boundary: bytes

    async def close(self, request: web.Request) -> None:
        """Read what comes behind the file; raises InvalidInput unless that is the form's end."""
        end, rest = _end(self.boundary), b""
        async with _patience():
            while len(rest) <= len(end) and (more := await request.content.read(len(end) + 1)):
                rest += more
        if rest != end:
            raise _wrong("a form has one file, and ends behind it")


async def opened(request: web.Request) -> Form:
    """Read up to the file's first byte; raises InvalidInput."""
    match = _BOUNDARY.search(request.headers.get("Content-Type", ""))
    if match is None or request.content_type != "multipart/form-data":
        raise _wrong("send the file as multipart/form-data")
    if request.content_length is None:
        raise LengthWanted(
            "the body's length is missing", code="length", hint="send Content-Length"
        )
    boundary = (match[1] or match[2]).encode()
    async with _patience():
        head = await _head(request, boundary)
    size = request.content_length - head - len(_end(boundary))
    if size <= 0:
        raise _wrong("the form holds no file")
    return Form(size, boundary)


@asynccontextmanager
async def _patience() -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(_SECONDS):
            yield
    except TimeoutError:
        raise Unavailable("the sender stopped", code="sender") from None
    except ValueError:
        raise _wrong("a line of the form is too long") from None


async def _head(request: web.Request, boundary: bytes) -> int:
    """Bytes before the file's first one."""
    line = await request.content.readline()
    if line.rstrip(b"\r\n") != b"--" + boundary:
        raise _wrong("the form does not begin with its boundary")
    read = len(line)
    for _ in range(_LINES):
        line = await request.content.readline()
        read += len(line)
        if line == b"\r\n":
            return read
        if not line.endswith(b"\r\n") or read > _HEAD:
            break
    raise _wrong("the file's headers are malformed")


def _end(boundary: bytes) -> bytes:
    return b"\r\n--" + boundary + b"--\r\n"


def _wrong(cause: str) -> InvalidInput:
    return InvalidInput(cause, code="form")
