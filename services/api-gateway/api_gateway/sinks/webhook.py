"""Webhooks: events are posted to a URL of their owner's, under the guarded fetcher's rules."""

import asyncio
import hashlib
import json
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice

import aiohttp
from stowage_contracts.errors import StowageError
from stowage_contracts.grants import FetchRules
from stowage_contracts.sinks import SinkFormat
from stowage_runtime.fetch import parse
from stowage_runtime.fetch.addresses import CheckedResolver, socket_factory
from yarl import URL

from api_gateway.sinks import cloudstack
from api_gateway.sinks.outgoing import Outgoing
from api_gateway.sinks.rows import Sink
from api_gateway.sinks.secrets import signature, signatures
from api_gateway.sinks.sending import hinting, refused

CONNECTIONS = 8
LONGEST_WAIT = 300.0
"""A receiver may ask for a pause of so many seconds, and no longer one."""
EVENT, BATCH = "application/cloudevents+json", "application/cloudevents-batch+json"


@dataclass(frozen=True)
class Post:
    """One request."""

    body: bytes
    headers: dict[str, str]


class WebhookSender:
    """One receiver's client: no redirects, no cookies, no proxy, no address but a checked one."""

    def __init__(self, sink: Sink, allow: Sequence[str]) -> None:
        self._sink = sink
        self._rules = FetchRules(allow=tuple(allow))
        self.together = sink.format is SinkFormat.CLOUDEVENTS and sink.options.batch > 1
        self._session: aiohttp.ClientSession | None = None

    async def send(self, events: Sequence[Outgoing]) -> Sequence[StowageError | None]:
        """One request for all of a batch, else several side by side."""
        if self.together:
            failed = await self._post([batch_of(events, self._sink)])
            return [failed] * len(events)
        if self._sink.format is SinkFormat.CLOUDSTACK:
            posts = [cloudstack_of(event, self._sink) for event in events]
        else:
            posts = [[event_of(event, self._sink)] for event in events]
        return await asyncio.gather(*map(self._post, posts))

    async def close(self) -> None:
        """Close every connection."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def _post(self, posts: Sequence[Post]) -> StowageError | None:
        """What of an event was not taken, if anything; its posts follow each other."""
        try:
            url = parse(self._sink.secrets.url, self._rules)
            with hinting():
                for post in posts:
                    await self._once(url, post)
        except StowageError as error:
            return error
        return None

    async def _once(self, url: URL, post: Post) -> None:
        try:
            async with (
                asyncio.timeout(self._sink.options.seconds),
                self._client().post(
                    url, data=post.body, headers=post.headers, allow_redirects=False
                ) as reply,
            ):
                status, after = reply.status, reply.headers.get("Retry-After", "")
        except (aiohttp.ClientConnectorCertificateError, ssl.SSLCertVerificationError):
            raise refused(self._sink, "its certificate is not trusted") from None
        except TimeoutError:
            seconds = self._sink.options.seconds
            raise refused(self._sink, f"it did not answer within {seconds:g} s") from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise refused(self._sink, f"it cannot be reached ({type(error).__name__})") from None
        if not 200 <= status < 300:
            raise refused(self._sink, f"it answered {status}", after=_seconds(after))

    def _client(self) -> aiohttp.ClientSession:
        if self._session is None:
            connector = aiohttp.TCPConnector(
                resolver=CheckedResolver(self._rules, aiohttp.ThreadedResolver()),
                socket_factory=socket_factory(self._rules),
                limit=CONNECTIONS,
            )
            self._session = aiohttp.ClientSession(
                connector=connector,
                cookie_jar=aiohttp.DummyCookieJar(),
                trust_env=False,
                auto_decompress=False,
                timeout=aiohttp.ClientTimeout(total=None),
            )
        return self._session


def event_of(event: Outgoing, sink: Sink) -> Post:
    """An event as a CloudEvent in structured mode."""
    body = json.dumps(event.cloudevent).encode()
    return Post(body, _headers(EVENT, sink, signatures(sink.secrets.keys, event.id, body, _now())))


def batch_of(events: Sequence[Outgoing], sink: Sink) -> Post:
    """Events as a CloudEvents batch; its id is that of the same events whenever they are sent."""
    body = json.dumps([event.cloudevent for event in events]).encode()
    names = "\n".join(f"{event.source}/{event.id}" for event in events)
    batch = f"batch-{hashlib.sha256(names.encode()).hexdigest()[:32]}"
    return Post(body, _headers(BATCH, sink, signatures(sink.secrets.keys, batch, body, _now())))


def cloudstack_of(event: Outgoing, sink: Sink) -> list[Post]:
    """As CloudStack 4.20's webhooks; none of what it has no word for."""
    return [_cloudstack(each, sink) for each in islice(cloudstack.told_or_own(event), 4)]


def _cloudstack(event: cloudstack.CloudStackEvent, sink: Sink) -> Post:
    body = event.payload
    signed = {
        "X-CS-Event-ID": event.id,
        "X-CS-Event": event.name,
        "X-CS-Signature": signature(sink.secrets.keys[0].text.get_secret_value().encode(), body),
    }
    headers = _headers("application/json", sink, signed)
    return Post(body, headers | {"User-Agent": f"CS-Hookshot/{sink.id}"})


def _headers(content: str, sink: Sink, signed: dict[str, str]) -> dict[str, str]:
    return {
        "Content-Type": f"{content}; charset=utf-8",
        "User-Agent": "stowage",
        "Stowage-Sink": sink.id,
        **signed,
    }


def _seconds(text: str) -> float:
    return min(float(text), LONGEST_WAIT) if text.isdigit() and len(text) < 10 else 0.0


def _now() -> datetime:
    return datetime.now(UTC)
