"""The guarded client: opens user-given URLs, and only where the rules allow."""

import asyncio
import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass

import aiohttp
from aiohttp.abc import AbstractResolver
from pydantic import SecretStr
from stowage_contracts.errors import SourceRefused, Unavailable
from stowage_contracts.grants import FetchRules
from yarl import URL

from stowage_runtime.fetch.addresses import CheckedResolver, socket_factory

_REDIRECTS = {301, 302, 303, 307, 308}
_ABOUT_BYTES = {"range", "if-match", "if-range", "if-unmodified-since", "accept", "user-agent"}
"""Headers that may follow a redirect to another origin; credentials may not."""
_AGAIN = {408, 425, 429}
_TOTAL = re.compile(r"/([0-9]+)$")
_DIGITS = 18
"""A length of more is no length, and Python refuses to read one of thousands."""
_SENT = {"Accept-Encoding": "identity", "User-Agent": "stowage"}


@dataclass(frozen=True)
class FetchLimits:
    """How long to wait, and how many connections one client keeps."""

    connect_seconds: float = 15
    answer_seconds: float = 60
    """From asking to the end of the answer's headers, names and connection included."""
    read_seconds: float = 60
    """Longest silence on an open connection."""
    connections: int = 8


class GuardedClient:
    """One source's client. Use as a context manager; connections are kept alive between calls."""

    def __init__(
        self,
        rules: FetchRules,
        limits: FetchLimits = FetchLimits(),
        resolver: AbstractResolver | None = None,
    ) -> None:
        """``resolver`` answers names; what it answers is checked like any other address."""
        self._rules, self._limits = rules, limits
        self._connector = aiohttp.TCPConnector(
            resolver=CheckedResolver(rules, resolver or aiohttp.ThreadedResolver()),
            socket_factory=socket_factory(rules),
            limit=limits.connections,
        )
        self._session = aiohttp.ClientSession(
            connector=self._connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
            auto_decompress=False,
            timeout=aiohttp.ClientTimeout(
                total=None, connect=limits.connect_seconds, sock_read=limits.read_seconds
            ),
        )

    async def __aenter__(self) -> "GuardedClient":
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close every connection; idempotent."""
        await self._session.close()

    def forget_names(self) -> None:
        """Ask the name server again for the next connection (answers are kept for seconds)."""
        self._connector.clear_dns_cache()

    async def get(
        self, url: str | SecretStr, headers: Mapping[str, str] = {}
    ) -> aiohttp.ClientResponse:
        """GET, following redirects under the rules; the caller releases the response.

        Answers 2xx, and 304, 412 and 416 for the caller's own conditions. Raises SourceRefused
        (``source.address_refused``, ``.scheme``, ``.redirects``, ``.not_found``,
        ``.unauthorized``, ``.too_large``, ``.encoding``, ``.tls``, ``.status``) or Unavailable.
        """
        here = parse(url, self._rules)
        sent = {**_SENT, **headers}
        for _hop in range(self._rules.max_redirects + 1):
            response = await self._once(here, sent)
            if response.status not in _REDIRECTS:
                return self._judged(response, here)
            there = _target(response, here, self._rules)
            response.release()
            if there.origin() != here.origin():
                sent = {name: value for name, value in sent.items() if _about_bytes(name)} | _SENT
            here = there
        raise SourceRefused(
            f"more than {self._rules.max_redirects} redirects",
            resource=shown(here),
            code="redirects",
        )

    async def _once(self, url: URL, headers: Mapping[str, str]) -> aiohttp.ClientResponse:
        try:
            async with asyncio.timeout(self._limits.answer_seconds):
                return await self._session.get(url, headers=headers, allow_redirects=False)
        except (aiohttp.ClientConnectorCertificateError, ssl.SSLCertVerificationError):
            raise SourceRefused(
                "its certificate is not trusted", resource=shown(url), code="tls"
            ) from None
        except ValueError:  # also names that no name server could be asked for
            raise SourceRefused("it is not a URL", resource=shown(url), code="url") from None
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise Unavailable(
                f"it does not answer ({type(error).__name__})", resource=shown(url), code="source"
            ) from None

    def _judged(self, response: aiohttp.ClientResponse, url: URL) -> aiohttp.ClientResponse:
        try:
            _check_status(response.status, url)
            _check_headers(response, url, self._rules)
        except BaseException:
            response.close()
            raise
        return response


def parse(text: str | SecretStr, rules: FetchRules) -> URL:
    """The URL, not normalised where it was well-formed (signatures cover its spelling); raises
    SourceRefused."""
    raw = text.get_secret_value() if isinstance(text, SecretStr) else text
    plain = raw.isascii() and all("!" <= letter <= "~" for letter in raw)
    try:
        url = URL(raw, encoded=plain)
        usable = bool(url.host) and url.port is not None
    except ValueError:
        raise SourceRefused("it is not a URL", code="url") from None
    if url.scheme not in rules.schemes or url.scheme not in {"http", "https"}:
        raise SourceRefused(
            f"scheme {url.scheme or 'none'!r} is not fetched",
            resource=shown(url),
            code="scheme",
            hint=f"use one of {', '.join(rules.schemes)}",
        )
    if not usable:
        raise SourceRefused("it names no host", resource=shown(url), code="url")
    return url


def shown(url: URL) -> str:
    """The URL without what may be secret: user, password, query and fragment."""
    try:
        port = f":{url.explicit_port}" if url.explicit_port else ""
    except ValueError:
        port = ""
    text = f"{url.scheme}://{url.raw_host or ''}{port}{url.raw_path}"
    return text.encode(errors="backslashreplace").decode()


def _target(response: aiohttp.ClientResponse, here: URL, rules: FetchRules) -> URL:
    location = response.headers.get("Location", "")
    try:
        if not location:
            raise ValueError
        joined = here.join(URL(location, encoded=location.isascii() and " " not in location))
        return parse(str(joined), rules).with_user(None)
    except (ValueError, SourceRefused) as error:
        response.close()
        if isinstance(error, SourceRefused):
            raise
        raise SourceRefused(
            "it redirects to nowhere", resource=shown(here), code="redirects"
        ) from None


def _about_bytes(name: str) -> bool:
    return name.lower() in _ABOUT_BYTES


def _check_status(status: int, url: URL) -> None:
    where = shown(url)
    if status in {404, 410}:
        raise SourceRefused(f"it is not there ({status})", resource=where, code="not_found")
    if status in {401, 403}:
        raise SourceRefused(f"it may not be read ({status})", resource=where, code="unauthorized")
    if status in _AGAIN or status >= 500:
        raise Unavailable(f"it answered {status}", resource=where, code="source")
    if status >= 300 and status not in {304, 412, 416}:
        raise SourceRefused(f"it answered {status}", resource=where, code="status")


def _check_headers(response: aiohttp.ClientResponse, url: URL, rules: FetchRules) -> None:
    coding = response.headers.get("Content-Encoding", "identity")
    if coding != "identity":
        raise SourceRefused(
            f"it is sent {coding[:40]!a}-encoded, against what was asked",
            resource=shown(url),
            code="encoding",
        )
    size = _told_size(response, url)
    if size > rules.max_bytes:
        raise SourceRefused(
            f"{size} bytes are more than the {rules.max_bytes} allowed",
            resource=shown(url),
            code="too_large",
            size=size,
        )


def _told_size(response: aiohttp.ClientResponse, url: URL) -> int:
    total = _TOTAL.search(response.headers.get("Content-Range", ""))
    if total is None:
        return response.content_length or 0
    if len(total[1]) > _DIGITS:
        raise SourceRefused(
            f"its length has {len(total[1])} digits", resource=shown(url), code="too_large"
        )
    return int(total[1])
