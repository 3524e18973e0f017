"""Names of objects on a store and of the writers that make them; safe on every driver."""

import re

from stowage_contracts.errors import InvalidInput

RESERVED = ".stowage"
"""First part of keys that drivers keep for themselves; never an object's."""
_LONGEST = 900
_WRITER = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,127}")


def check_key(key: str) -> str:
    """``key`` itself; raises InvalidInput unless it is a relative path without tricks."""
    parts = key.split("/")
    if any(part in ("", ".", "..") for part in parts):
        raise InvalidInput("a key has no empty, '.' or '..' part", resource=key, code="key")
    if parts[0] == RESERVED or any(ord(letter) < 32 or ord(letter) == 127 for letter in key):
        raise InvalidInput("the key is reserved or holds control characters", code="key")
    try:
        sizes = [len(part.encode()) for part in parts]
    except UnicodeEncodeError:
        raise InvalidInput("the key is not valid text", code="key") from None
    if max(sizes) > 255 or sum(sizes) + len(sizes) > _LONGEST:
        raise InvalidInput("the key is too long", resource=key[:80], code="key")
    return key


def is_key(name: str) -> bool:
    """Whether a name found on a store can be a key; others are not Stowage's."""
    try:
        return bool(check_key(name))
    except InvalidInput:
        return False


def check_writer(writer: str) -> str:
    """``writer`` itself; raises InvalidInput unless it can safely be part of a file name."""
    if not _WRITER.fullmatch(writer):
        raise InvalidInput("a writer is '<hop>.<generation>'", code="writer")
    return writer
