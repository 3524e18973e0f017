"""HTTP with the gateway: problems become errors, and what may be sent twice is."""

import asyncio
import random
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from stowage_contracts.errors import InvalidInput, Problem, StowageError, TooMany, Unavailable
from stowage_contracts.values import new_id

FIRST_PAUSE, LONGEST_PAUSE = 0.2, 3.0
SILENCE_SECONDS = 40.0
"""A stream says something every ten seconds; after so long without a word it is broken."""


@dataclass(frozen=True)
class Ask:
    """One request."""

    method: str
    path: str
    body: Mapping[str, Any] | None = None
    query: Mapping[str, Any] = field(default_factory=dict)
    once: bool = False
    """Must not be sent again when its answer was lost."""
    keyless: bool = False
    """Changes nothing, so that it may be sent again without an idempotency key."""
    wait: float = 0.0
    """How long the server was asked to wait before it answers."""

    @property
    def parameters(self) -> dict[str, str]:
        """The query without what was left out."""
        given = {**self.query, **({"wait": self.wait} if self.wait else {})}
        return {name: _written(value) for name, value in given.items() if value not in (None, "")}


def _written(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


class Session:
    """One caller's connection to one gateway."""

    def __init__(self, url: str, api_key: str, patience: float) -> None:
        if not url.startswith(("http://", "https://")):
            raise InvalidInput("the gateway's URL is http or https", resource=url, code="url")
        self._url, self._patience = url.rstrip("/"), patience
        self._headers = {"Authorization": f"Bearer {api_key}"}
        self._http: aiohttp.ClientSession | None = None

    @property
    def http(self) -> aiohttp.ClientSession:
        """The connection pool, made when first needed."""
        if self._http is None:
            self._http = aiohttp.ClientSession(headers=self._headers)
        return self._http

    async def close(self) -> None:
        """Close every connection; idempotent."""
        if self._http is not None:
            await self._http.close()

    async def call(self, ask: Ask) -> Any:
        """The answer's JSON; raises the StowageError the gateway told, or Unavailable.

        What the gateway could not take, or what may safely be repeated, is sent again for a while.
        """
        keyless = ask.once or ask.keyless or ask.method == "GET"
        headers = {} if keyless else {"Idempotency-Key": new_id()}
        pauses = Pauses(self._patience)
        while True:
            try:
                return await self._once(ask, headers)
            except TooMany as error:  # nothing of it was done
                if not await pauses.rest(error.details.get("retry_after", 0)):
                    raise error from None
            except Unavailable as error:
                if ask.once or not await pauses.rest():
                    raise error from None

    async def _once(self, ask: Ask, headers: Mapping[str, str]) -> Any:
        timeout = aiohttp.ClientTimeout(total=60 + ask.wait)
        try:
            async with self.http.request(
                ask.method,
                self._url + ask.path,
                params=ask.parameters,
                json=ask.body,
                headers=headers,
                timeout=timeout,
            ) as reply:
                if reply.status >= 400:
                    raise await refusal(reply)
                return await reply.json()
        except (aiohttp.ClientError, TimeoutError) as error:
            raise self._away(error) from error

    @asynccontextmanager
    async def stream(
        self, path: str, query: Mapping[str, str], headers: Mapping[str, str]
    ) -> AsyncIterator[aiohttp.StreamReader]:
        """An open stream of server-sent events; raises as ``call``."""
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=15, sock_read=SILENCE_SECONDS)
        try:
            async with self.http.get(
                self._url + path, params=query, headers=headers, timeout=timeout
            ) as reply:
                if reply.status >= 400:
                    raise await refusal(reply)
                yield reply.content
        except (aiohttp.ClientError, TimeoutError) as error:
            raise self._away(error) from error

    def _away(self, error: Exception) -> Unavailable:
        return Unavailable(
            f"the gateway does not answer ({type(error).__name__})",
            resource=self._url,
            code="gateway",
            hint="is it running there, and is the URL right?",
        )


class Pauses:
    """Growing rests between attempts, until patience runs out."""

    def __init__(self, patience: float) -> None:
        self._until = asyncio.get_running_loop().time() + patience
        self._next = FIRST_PAUSE

    async def rest(self, least: float = 0) -> bool:
        """Rest ``least`` seconds or more; False without resting when it would take too long."""
        pause, self._next = self._next, min(2 * self._next, LONGEST_PAUSE)
        if asyncio.get_running_loop().time() + least + pause > self._until:
            return False
        await asyncio.sleep(least + pause * random.uniform(0.5, 1.0))  # noqa: S311 no secret
        return True


async def refusal(reply: aiohttp.ClientResponse) -> StowageError:
    """The error a reply tells; whatever is no problem document becomes one."""
    try:
        return Problem.model_validate_json(await reply.read()).error()
    except ValueError:
        kind = Unavailable if reply.status >= 500 else InvalidInput
        return kind(
            f"{reply.status} {reply.reason}, and not as Stowage would say it",
            code="answer",
            resource=str(reply.url.origin()),
            hint="is this URL a Stowage gateway's?",
        )
