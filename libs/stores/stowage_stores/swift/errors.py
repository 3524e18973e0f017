"""What a Swift server's and aiohttp's errors mean to Stowage; no key ever gets into one."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import aiohttp
from stowage_contracts.errors import (
    Conflict,
    InvalidInput,
    NotFound,
    OutOfSpace,
    StowageError,
    Unavailable,
)

from stowage_stores.swift.http import Answer

AGAIN = frozenset({408, 429, 498, 500, 502, 503, 504})
"""Answers after which the same request may pass."""
_TAG = re.compile(rb"<[^>]*>|\s+")
_KNOWN: dict[int, tuple[type[StowageError], str, str]] = {
    401: (Unavailable, "auth", "are user and key right?"),
    403: (Unavailable, "denied", "give the user rights to the container"),
    404: (NotFound, "", ""),
    409: (Conflict, "state", ""),
    412: (Conflict, "exists", ""),
    413: (OutOfSpace, "", "raise the quota or delete objects"),
    422: (Conflict, "corrupt", ""),
    429: (Unavailable, "busy", "the server asks for less"),
    498: (Unavailable, "busy", "the server asks for less"),
    503: (Unavailable, "busy", "the server asks for less"),
    507: (OutOfSpace, "", "free space on the store"),
}


def refusal(answer: Answer, resource: str) -> StowageError:
    """The StowageError for an answer that is none of the good ones."""
    cause = f"answered {answer.status} {_words(answer.body)}".rstrip()
    kind, code, hint = _KNOWN.get(answer.status, (Unavailable, "store", ""))
    if answer.status == 400 and b"quota" in answer.body.lower():
        kind, code, hint = _KNOWN[413]
    if answer.status == 400 and kind is Unavailable:
        kind, code = InvalidInput, "refused"
    return kind(cause, resource=resource, code=code, hint=hint)


@contextmanager
def translated(resource: str) -> Iterator[None]:
    """Turns what aiohttp raises inside into a StowageError about ``resource``."""
    hint = "is the address right, and the server up?"
    try:
        yield
    except aiohttp.ClientSSLError:
        hint = "is the certificate known? Give ca_bundle"
        raise Unavailable("TLS failed", resource=resource, code="tls", hint=hint) from None
    except TimeoutError:
        cause = "no answer in time"
        raise Unavailable(cause, resource=resource, code="timeout", hint=hint) from None
    except aiohttp.ClientError as error:
        cause = f"cannot connect ({type(error).__name__})"
        raise Unavailable(cause, resource=resource, code="endpoint", hint=hint) from None
    except OSError as error:  # an unreadable CA bundle
        raise Unavailable(error.strerror or "", resource=resource, code="tls") from None


def _words(body: bytes) -> str:
    """The first words of a page made for people."""
    return _TAG.sub(b" ", body[:400]).decode(errors="replace").strip()[:120]
