"""A caller of the API, as tests speak of one."""

import asyncio
import io
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import aiohttp


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    body: Any
    headers: Mapping[str, str]
    """Case-insensitive."""


@dataclass(frozen=True)
class Api:
    """One account's view of the gateway."""

    session: aiohttp.ClientSession
    key: str

    def as_account(self, key: str) -> "Api":
        return replace(self, key=key)

    async def call(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        given = {name.replace("_", "-"): text for name, text in headers.items()}
        authorized = {"Authorization": f"Bearer {self.key}", **given} if self.key else given
        raw = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        kind = {} if raw is None else {"Content-Type": "application/json"}
        data = None if raw is None else io.BytesIO(raw)
        headers = {**authorized, **kind}
        async with self.session.request(method, path, data=data, headers=headers) as reply:
            text = await reply.read()
            return Answer(reply.status, json.loads(text) if text else None, reply.headers)

    async def get(self, path: str, **headers: str) -> Answer:
        return await self.call("GET", path, **headers)

    async def post(self, path: str, body: Any = None, **headers: str) -> Answer:
        return await self.call("POST", path, body, **headers)

    async def delete(self, path: str) -> Answer:
        return await self.call("DELETE", path)

    @asynccontextmanager
    async def events(self, query: str = "", **headers: str) -> AsyncIterator["Events"]:
        given = {name.replace("_", "-"): text for name, text in headers.items()}
        headers = {"Authorization": f"Bearer {self.key}", **given}
        async with self.session.get(f"/v1/events{query}", headers=headers) as reply:
            assert reply.status == 200, await reply.text()
            assert await reply.content.readline() == b": stowage events\n"
            yield Events(reply.content)


@dataclass(frozen=True)
class Events:
    """An open stream."""

    content: aiohttp.StreamReader

    async def next(self) -> dict[str, Any]:
        """The next event; its SSE id is added as ``position``."""
        async with asyncio.timeout(10):
            while True:
                fields = await self._block()
                if "data" in fields:
                    return {**json.loads(fields["data"]), "position": fields.get("id", "")}

    async def comment(self) -> str:
        """The next block's comment, empty when it is an event."""
        async with asyncio.timeout(10):
            return (await self._block()).get("", "")

    async def _block(self) -> dict[str, str]:
        fields: dict[str, str] = {}
        while (line := (await self.content.readline()).decode().rstrip("\n")) or not fields:
            name, _, text = line.partition(": ")
            if line:
                fields[name] = text
        return fields


async def account(api: Api) -> tuple[Api, str]:
    """A new ordinary account and its id; ``api`` is an admin's."""
    made = await api.post("/v1/accounts", {"name": "someone"})
    assert made.status == 201
    return api.as_account(made.body["api_key"]), made.body["account_id"]
