"""CloudStack's API as the mirror asks it: signed, slowly, with a deadline; it only ever reads."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import aiohttp
from pydantic_core import from_json
from stowage_contracts.errors import NotFound, StowageError, Unavailable
from stowage_runtime.backoff import Backoff

from api_gateway.mirror.metrics import QUESTIONS
from api_gateway.mirror.settings import MirrorSettings
from api_gateway.mirror.signing import signed

LARGEST = 32 << 20
"""Bytes of one answer."""
MOST_PAGES = 100_000
_KEY = (401, 511)
_BUSY = (429, 503)
_UNKNOWN = 431
"""Of an id, too: CloudStack resolves it before it looks."""


class Away(Unavailable):
    """CloudStack's API answers nobody now."""


class Refused(Unavailable):
    """CloudStack's API answered this question with an error."""


@dataclass
class Pace:
    """At most so many turns in a second, evenly."""

    per_second: float
    _next: float = 0.0

    async def turn(self) -> None:
        """Wait for one's turn."""
        now = time.monotonic()
        at = max(now, self._next)
        self._next = at + 1 / self.per_second
        await asyncio.sleep(at - now)


class CloudStackApi:
    """Asks, and stays silent for a while after the API could not answer anybody."""

    def __init__(self, settings: MirrorSettings, session: aiohttp.ClientSession) -> None:
        self._settings, self._session = settings, session
        self._pace = Pace(settings.mirror_api_rate)
        self._backoff = Backoff(first=1.0, cap=60.0)
        self._silent_until = 0.0
        self.error: StowageError | None = None
        """Why it answers nobody; None once it did."""

    @property
    def silence(self) -> float:
        """Seconds for which nothing should be asked."""
        return max(0.0, self._silent_until - time.monotonic())

    async def all(
        self, command: str, key: str, **params: str
    ) -> AsyncIterator[list[dict[str, Any]]]:
        """A list page by page: the objects under ``key``; raises Away, Refused, NotFound."""
        size = self._settings.mirror_api_page
        for number in range(1, MOST_PAGES):
            paging = {"page": str(number), "pagesize": str(size)}
            rows = await self.ask(command, key, **params, **paging)
            yield rows
            if len(rows) < size:
                return

    async def ask(self, command: str, key: str, **params: str) -> list[dict[str, Any]]:
        """The objects under ``key`` of one answer; raises Away, Refused, or NotFound for what
        CloudStack says does not exist."""
        await self._pace.turn()
        try:
            found = await self._answered(command, params)
        except StowageError as error:
            QUESTIONS.add(1, {"outcome": error.code})
            if isinstance(error, Away):
                self._hush(error)
            else:
                self._talks()
            raise
        QUESTIONS.add(1, {"outcome": "answered"})
        self._talks()
        return _objects(found, key)

    def _hush(self, error: StowageError) -> None:
        self.error = error
        if not self.silence:
            self._silent_until = time.monotonic() + self._backoff.next()

    def _talks(self) -> None:
        self.error, self._silent_until = None, 0.0
        self._backoff.reset()

    async def _answered(self, command: str, params: Mapping[str, str]) -> dict[str, Any]:
        settings = self._settings
        asked = {"command": command, "response": "json", "listall": "true", **params}
        keyed = {**asked, "apiKey": settings.mirror_api_key.get_secret_value()}
        form = signed(keyed, settings.mirror_secret_key, datetime.now(UTC))
        timeout = aiohttp.ClientTimeout(total=settings.mirror_api_seconds)
        try:
            async with self._session.post(
                settings.mirror_api_url, data=form, timeout=timeout, allow_redirects=False
            ) as reply:
                return _checked(asked, reply.status, await _read(reply))
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise Away(
                f"no answer: {type(error).__name__}",
                resource="cloudstack",
                code="cloudstack",
                hint="is STOWAGE_MIRROR_API_URL right, and CloudStack up?",
            ) from None


async def _read(reply: aiohttp.ClientResponse) -> dict[str, Any] | None:
    """The answer below its envelope; None for what is no answer of CloudStack."""
    body = bytearray()
    async for part in reply.content.iter_chunked(1 << 16):
        body += part
        if len(body) > LARGEST:
            return None
    try:
        told = from_json(bytes(body), allow_inf_nan=False)
    except ValueError:
        return None
    inner = next(iter(told.values()), None) if isinstance(told, dict) and len(told) == 1 else None
    return inner if isinstance(inner, dict) else None


def _checked(asked: Mapping[str, str], status: int, told: dict[str, Any] | None) -> dict[str, Any]:
    if told is None or status in _BUSY:
        raise Away(
            f"HTTP {status}, and no answer of CloudStack's",
            resource="cloudstack",
            code="cloudstack",
            hint="is STOWAGE_MIRROR_API_URL right, and CloudStack up?",
        )
    if status == 200 and "errorcode" not in told:
        return told
    cause = f"{asked['command']}: {status} {_short(told.get('errortext'))}"
    if status in _KEY:
        raise Away(
            cause,
            resource="cloudstack",
            code="cloudstack_key",
            hint="check STOWAGE_MIRROR_API_KEY, STOWAGE_MIRROR_SECRET_KEY and both clocks",
        )
    if status == _UNKNOWN and _named(asked.get("id"), told):
        raise NotFound(cause, resource="cloudstack", code="cloudstack")
    raise Refused(
        cause,
        resource="cloudstack",
        code="cloudstack_refused",
        hint="the key must be a root admin's; CloudStack's log tells more",
    )


def _named(id: str | None, told: Mapping[str, Any]) -> bool:
    """Whether an error is about the id; 431 also means that a caller may not ask so."""
    return id is not None and (id in str(told.get("errortext")) or id in str(told.get("uuidList")))


def _short(text: Any) -> str:
    return " ".join(text[:200].split()) if isinstance(text, str) else ""


def _objects(told: dict[str, Any], key: str) -> list[dict[str, Any]]:
    found = told.get(key, [])
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        raise Refused(
            f"its answer has no list of {key}", resource="cloudstack", code="cloudstack_answer"
        )
    return found
