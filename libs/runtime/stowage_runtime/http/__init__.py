"""A service's HTTP surface as a table of routes; served by http_server, described by openapi."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from pydantic import BaseModel

from stowage_runtime.service import Desk

D = TypeVar("D")
JSON = "application/json"
EVENTS = "text/event-stream"


@dataclass(frozen=True)
class Call:
    """One request, validated."""

    method: str
    target: str
    """Path and query as sent."""
    path: Mapping[str, str] = field(default_factory=dict)
    query: Any = None
    """An instance of the route's query model."""
    body: Any = None
    """An instance of the route's body model."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Case-insensitive."""
    principal: Any = None
    """What ``authenticate`` answered."""
    remote: str = ""


@dataclass(frozen=True)
class Reply:
    """A reply that needs more than its body: another status, headers or media type."""

    body: BaseModel | bytes | None = None
    status: int | None = None
    """The route's own when missing."""
    headers: Mapping[str, str] = field(default_factory=dict)
    media: str = JSON
    cookies: Mapping[str, str] = field(default_factory=dict)
    """Set for the whole host, out of scripts' reach; an empty one is taken back."""


@dataclass(frozen=True)
class Stream:
    """A reply sent as it comes; its iterator is closed when the client leaves or the server stops.

    Send something (a comment) every few seconds: an idle stream does not notice a client leaving.
    """

    chunks: AsyncIterator[bytes]
    media: str = EVENTS
    headers: Mapping[str, str] = field(default_factory=dict)


Answer = BaseModel | Reply | Stream
Handler = Callable[[Call, Desk, D], Awaitable[Answer]]
"""(call, desk, deps): raises StowageError, which becomes application/problem+json."""
Authenticate = Callable[[Call, Desk, D], Awaitable[Any]]
"""(call without query and body, desk, deps) → principal; raises NotAuthorized."""


@dataclass(frozen=True)
class Route(Generic[D]):
    """One row: what is served where, and with which models."""

    method: str
    path: str
    """``/v1/stores/{store_id}``; parts in braces arrive in ``Call.path``."""
    handler: Handler[D]
    summary: str
    body: type[BaseModel] | None = None
    query: type[BaseModel] | None = None
    reply: type[BaseModel] | None = None
    status: int = 200
    also: tuple[int, ...] = ()
    """Other statuses of the same reply."""
    headers: tuple[tuple[str, str], ...] = ()
    """Request headers it heeds, each with what for."""
    auth: bool = True
    tags: tuple[str, ...] = ()
    media: str = JSON
    """Media type of the reply; EVENTS for a stream of server-sent events."""
    seconds: float = 30
    """Longest time until the answer begins."""
    raw: bool = False
    """A protocol of its own: ``Call.body`` is bytes as sent, and OpenAPI leaves it out."""
