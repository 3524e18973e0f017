"""What Range and Content-Range headers ask for."""

import re
from dataclasses import dataclass

from stowage_contracts.errors import InvalidInput
from stowage_contracts.values import Range

_ONE = re.compile(r"^bytes=\s*([0-9]{0,18})-([0-9]{0,18})\s*$")
_SPAN = re.compile(r"^bytes ([0-9]{1,18})-([0-9]{1,18})/([0-9]{1,18}|\*)$")
_ASKS = re.compile(r"^bytes \*/([0-9]{1,18}|\*)$")


class NotSatisfiable(InvalidInput):
    """The range cannot be served."""

    status = 416


class LengthWanted(InvalidInput):
    """The request does not say how long it is."""

    status = 411


def asked_range(header: str, size: int) -> Range | None:
    """The one range of ``size`` bytes a Range header asks for; None for all of them.

    Raises NotSatisfiable for several ranges at once, and for one that lies beyond the end.
    """
    if not header.startswith("bytes="):
        return None
    if "," in header:
        raise NotSatisfiable("one range at a time is served", code="ranges")
    match = _ONE.match(header)
    if match is None or not (match[1] or match[2]):
        return None
    if not match[1]:
        start, end = max(0, size - int(match[2])), size
    else:
        start, end = int(match[1]), min(int(match[2] or size), size - 1) + 1
        if match[2] and int(match[2]) < start:
            return None
    if start >= end:
        raise NotSatisfiable(f"the object has {size} bytes", code="range")
    return Range(offset=start, length=end - start)


@dataclass(frozen=True)
class Piece:
    """What a PUT carries: ``length`` bytes at ``offset`` of ``total``."""

    offset: int
    length: int
    total: int


def carried(header: str, length: int | None, size: int | None) -> Piece:
    """The piece of an upload; ``length`` is the body's, ``size`` what its token says of the whole.

    Raises InvalidInput.
    """
    if length is None:
        raise LengthWanted(
            "the body's length is missing", code="length", hint="send Content-Length"
        )
    if not header:
        piece = Piece(0, length, length)
    elif match := _ASKS.match(header):
        piece = Piece(0, 0, _total(match[1], size))
    else:
        piece = _piece(header, size)
    if piece.length != length:
        raise InvalidInput("the body is not as long as its Content-Range", code="content_range")
    if size is not None and piece.total != size:
        raise InvalidInput(f"{size} bytes were announced, not {piece.total}", code="size")
    return piece


def _piece(header: str, size: int | None) -> Piece:
    match = _SPAN.match(header)
    if match is None:
        raise InvalidInput("the Content-Range is malformed", code="content_range")
    start, end, total = int(match[1]), int(match[2]) + 1, _total(match[3], size)
    if not start < end <= total:
        raise InvalidInput("the Content-Range is malformed", code="content_range")
    return Piece(start, end - start, total)


def _total(text: str, size: int | None) -> int:
    if text != "*":
        return int(text)
    if size is None:
        raise InvalidInput("say how long the whole is", code="content_range")
    return size
