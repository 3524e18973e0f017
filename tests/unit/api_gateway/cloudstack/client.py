"""A CloudStack client of the tests' own: signs, sends and reads, and knows nothing of ours."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote, urlencode

import aiohttp
from yarl import URL

from tests.unit.api_gateway.cloudstack import facts

PATH = "/client/api"


@dataclass(frozen=True)
class Reply:
    """What came back."""

    status: int
    envelope: str
    body: dict[str, Any]
    headers: dict[str, str]

    @property
    def error(self) -> tuple[int, str]:
        """Number and text of a refusal."""
        assert self.status == self.body["errorcode"], self
        return self.body["errorcode"], self.body["errortext"]


def signed(
    params: dict[str, str], secret: str, order: Callable[[str], str] = str
) -> dict[str, str]:
    """The parameters with their signature, as the API's documentation has it."""
    names = sorted(params, key=order)
    text = "&".join(f"{name}={quote(params[name], safe='.-*_')}" for name in names).lower()
    mac = hmac.new(secret.encode(), text.encode(), hashlib.sha1).digest()
    return {**params, "signature": base64.b64encode(mac).decode()}


@dataclass(frozen=True)
class CloudStack:
    """One user."""

    session: aiohttp.ClientSession
    api_key: str
    secret_key: str

    def as_user(self, api_key: str, secret_key: str) -> "CloudStack":
        return replace(self, api_key=api_key, secret_key=secret_key)

    async def call(self, command: str, **params: object) -> Reply:
        """A signed GET; ``True`` becomes ``true``, ``a__0__b`` becomes ``a[0].b``."""
        return await self.send(self.signed(command, params))

    async def post(self, command: str, **params: object) -> Reply:
        """A signed POST."""
        return await self.send(self.signed(command, params), post=True)

    def signed(self, command: str, params: dict[str, object]) -> dict[str, str]:
        given = {_name(name): _text(value) for name, value in params.items()}
        given |= {"command": command, "response": "json", "apikey": self.api_key}
        return signed(given, self.secret_key)

    async def send(self, params: dict[str, str], *, post: bool = False) -> Reply:
        status, text, headers = await self.raw(params, post=post)
        ((envelope, body),) = json.loads(text).items()
        facts.check(params.get("command", ""), status, envelope, body)
        return Reply(status, envelope, body, headers)

    async def raw(
        self, params: dict[str, str], *, post: bool = False
    ) -> tuple[int, str, dict[str, str]]:
        query = urlencode(params)
        if post:
            kind = {"Content-Type": "application/x-www-form-urlencoded"}
            sent = self.session.post(PATH, data=query.encode(), headers=kind)
        else:
            sent = self.session.get(URL(f"{PATH}?{query}", encoded=True))
        async with sent as reply:
            return reply.status, await reply.text(), dict(reply.headers)

    async def rows(self, command: str, key: str, **params: object) -> list[dict[str, Any]]:
        """A list's rows."""
        reply = await self.call(command, **params)
        assert reply.status == 200, reply
        assert len(reply.body.get(key, ())) <= reply.body.get("count", 0)
        found: list[dict[str, Any]] = reply.body.get(key, [])
        return found

    async def job(self, job_id: str) -> dict[str, Any]:
        """A job as it stands."""
        reply = await self.call("queryAsyncJobResult", jobid=job_id)
        assert reply.status == 200, reply
        return reply.body


def _name(name: str) -> str:
    base, *rest = name.split("__")
    return base if not rest else f"{base}[{rest[0]}].{'.'.join(rest[1:])}"


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
