"""PUTs of parts to presigned URLs, and what the store's answers mean."""

import re
from collections.abc import AsyncIterator

import aiohttp
from stowage_contracts.errors import GrantRefused, OutOfSpace, StowageError, Unavailable
from yarl import URL

from hypervisor_agent.engine.zeros import ZEROS
from hypervisor_agent.transports.http_client import dropped

SLICE = 256 * 1024
_MD5 = re.compile(r"^[0-9a-f]{32}$")
_CODE = re.compile(r"<Code>(\w+)</Code>")
_FULL = {"QuotaExceeded", "InsufficientStorage", "EntityTooLarge"}
_AGAIN = {"RequestTimeout", "SlowDown", "InternalError", "ServiceUnavailable", "OperationAborted"}

Slices = AsyncIterator[memoryview | bytes]


async def zeros(length: int) -> Slices:
    """So many zeros."""
    whole = memoryview(ZEROS)
    for at in range(0, length, SLICE):
        yield whole[: min(SLICE, length - at)]


async def pieces(view: memoryview) -> Slices:
    """A buffer that stays as it is until the answer has come."""
    for at in range(0, len(view), SLICE):
        yield view[at : at + SLICE]


async def put(
    session: aiohttp.ClientSession, url: str, body: Slices, length: int, name: str
) -> str:
    """Send one part; its ETag without quotes.

    Raises GrantRefused (an expired URL among others), OutOfSpace, Unavailable.
    """
    headers = {"Content-Length": str(length)}
    try:
        async with session.put(
            URL(url, encoded=True), data=body, headers=headers, allow_redirects=False
        ) as answer:
            if answer.status not in {200, 201, 204}:
                raise _refusal(answer.status, await answer.text(errors="replace"), name)
            return answer.headers.get("ETag", "").strip('"')
    except (aiohttp.ClientError, ConnectionError, TimeoutError) as error:
        raise dropped(error, name) from None


def check_etag(etag: str, md5: str, name: str) -> None:
    """Raises Unavailable when an ETag that is an MD5 is not of what was sent."""
    if _MD5.match(etag) and etag != md5:
        raise Unavailable("the store received other bytes", resource=name, code="corrupt")


def _refusal(status: int, text: str, name: str) -> StowageError:
    match = _CODE.search(text[:4096])
    code = match[1] if match else ""
    cause = f"the store answered {status} {code}".strip()
    if status == 507 or code in _FULL:
        hint = "free space on the store or raise its quota"
        return OutOfSpace(cause, resource=name, hint=hint)
    if status >= 500 or status in {408, 425, 429} or code in _AGAIN:
        return Unavailable(cause, resource=name, code="store", hint="it is tried again by itself")
    return GrantRefused(cause, resource=name, code="part")
