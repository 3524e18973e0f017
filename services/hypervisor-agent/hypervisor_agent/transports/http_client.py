"""HTTP to a store's grants: the store was chosen by an operator, so addresses are not judged."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import aiohttp
from pydantic import SecretStr
from stowage_contracts.errors import GrantRefused, SourceRefused, StowageError, Unavailable
from stowage_contracts.grants import FetchRules, Grant
from stowage_runtime.fetch import FetchLimits, GuardedClient, shown
from yarl import URL

CONNECT_SECONDS = 10


class Getter(Protocol):
    """Where a reader's requests go."""

    async def get(self, headers: Mapping[str, str]) -> aiohttp.ClientResponse:
        """2xx, 412 or 416; everything else is raised."""
        ...

    async def close(self) -> None:
        """Close every connection; idempotent."""
        ...


def new_session(connections: int) -> aiohttp.ClientSession:
    """A session that adds nothing of its own to a signed request; stalls are watched outside."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=connections),
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=False,
        auto_decompress=False,
        skip_auto_headers=("Content-Type", "User-Agent"),
        read_bufsize=1 << 18,
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS),
    )


@dataclass(frozen=True)
class Address:
    """A grant's URL and headers."""

    url: SecretStr
    headers: Mapping[str, SecretStr]

    @classmethod
    def of(cls, grant: Grant) -> "Address":
        """Raises GrantRefused when the grant names nothing, SourceRefused when it is no URL."""
        if grant.uri is None:
            raise GrantRefused("the grant names no URL", code="malformed")
        address = cls(grant.uri, grant.headers)
        try:
            _ = address.shown  # a URL is parsed no earlier than its parts are wanted
        except ValueError:
            raise SourceRefused("it is not a URL", code="url") from None
        return address

    @property
    def shown(self) -> str:
        """Without what is secret."""
        return shown(URL(self.url.get_secret_value(), encoded=True))

    def sent(self, headers: Mapping[str, str]) -> dict[str, str]:
        """The grant's headers and these."""
        own = {name: value.get_secret_value() for name, value in self.headers.items()}
        return {**own, **headers}


class StoreClient:
    """GETs of one store grant."""

    def __init__(self, address: Address, connections: int) -> None:
        self._address = address
        self._session = new_session(connections)

    async def get(self, headers: Mapping[str, str]) -> aiohttp.ClientResponse:
        """Raises GrantRefused (401, 403), SourceRefused, Unavailable."""
        url = URL(self._address.url.get_secret_value(), encoded=True)
        sent = self._address.sent({"Accept-Encoding": "identity", **headers})
        try:
            answer = await self._session.get(url, headers=sent, allow_redirects=False)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise dropped(error, self._address.shown) from None
        if answer.status in {200, 206, 412, 416}:
            return answer
        answer.close()
        raise _refusal(answer.status, self._address.shown)

    async def close(self) -> None:
        """Close every connection."""
        await self._session.close()


class UrlClient:
    """GETs of a user-given URL, through the guarded fetcher."""

    def __init__(self, address: Address, client: GuardedClient) -> None:
        self._address, self._client = address, client

    @classmethod
    def under(cls, address: Address, rules: FetchRules, connections: int) -> "UrlClient":
        """A client of its own for one source; the reader watches for stalls itself."""
        limits = FetchLimits(
            connect_seconds=CONNECT_SECONDS, read_seconds=0, connections=connections
        )
        return cls(address, GuardedClient(rules, limits))

    async def get(self, headers: Mapping[str, str]) -> aiohttp.ClientResponse:
        """Raises SourceRefused, Unavailable."""
        return await self._client.get(self._address.url, self._address.sent(headers))

    async def close(self) -> None:
        """Close every connection."""
        await self._client.close()


def dropped(error: BaseException, where: str) -> Unavailable:
    """A connection that broke; the text of the error may quote the URL, so only its kind goes."""
    return Unavailable(
        f"the connection broke ({type(error).__name__})",
        resource=where,
        code="dropped",
        hint="it is tried again by itself",
    )


def _refusal(status: int, where: str) -> StowageError:
    if status in {401, 403}:
        return GrantRefused(f"the store answered {status}", resource=where, code="expired")
    if status >= 500 or status in {408, 425, 429}:
        return Unavailable(f"the store answered {status}", resource=where, code="store")
    code = "not_found" if status in {404, 410} else "status"
    return SourceRefused(f"the store answered {status}", resource=where, code=code)
