"""Users of the Ceph gateway made for one test, by its admin API."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from urllib.parse import urlencode

import aiohttp
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from tests.servers.s3 import S3Server


@asynccontextmanager
async def fresh_user(server: S3Server, **other: str) -> AsyncIterator[S3Server]:
    """The server as a new user sees it; ``other`` are parameters of the API's user creation."""
    name, access, secret = (f"u{secrets.token_hex(8)}" for _ in range(3))
    keys = {"access-key": access, "secret-key": secret}
    await _answer(server, "PUT", {"uid": name, "display-name": name, **keys, **other})
    try:
        yield replace(server, access_key=access, secret_key=secret)
    finally:
        await _answer(server, "DELETE", {"uid": name, "purge-data": "true"})


async def change_key(server: S3Server, user: S3Server) -> S3Server:
    """Replace a user's key by a new one with the same access key."""
    secret = secrets.token_hex(16)
    key = {"access-key": user.access_key, "secret-key": secret, "generate-key": "false"}
    await _answer(server, "PUT", {"key": "", "uid": await _name(server, user), **key})
    return replace(user, secret_key=secret)


async def change_user(server: S3Server, user: S3Server, changes: Mapping[str, str]) -> None:
    """Set parameters of a user."""
    await _answer(server, "POST", {"uid": await _name(server, user), **changes})


async def _name(server: S3Server, user: S3Server) -> str:
    found = await _answer(server, "GET", {"access-key": user.access_key})
    return str(found["user_id"])


async def _answer(server: S3Server, method: str, query: Mapping[str, str]) -> dict[str, object]:
    url = f"{server.endpoint}/admin/user?{urlencode({'format': 'json', **query})}"
    request = AWSRequest(method=method, url=url)
    owner = Credentials(server.access_key, server.secret_key)
    S3SigV4Auth(owner, "s3", server.region).add_auth(request)
    headers = dict(request.headers)
    async with aiohttp.request(method, url, headers=headers, raise_for_status=True) as answer:
        return dict(await answer.json(content_type=None) or {}) if method == "GET" else {}
