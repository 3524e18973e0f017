"""Sinks: where events go out, how far each has come, and what is said of them."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field, StringConstraints

from stowage_contracts.errors import Problem
from stowage_contracts.values import Id, Instant, Name, Secret, Value

Word = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_]{0,63}$")]
"""A noun, or the type of an event."""
Exchange = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.:-]{1,200}$")]
MOST_WORDS = 100


class SinkKind(StrEnum):
    """How events reach a sink."""

    WEBHOOK = "webhook"
    AMQP = "amqp"


class SinkFormat(StrEnum):
    """What they look like."""

    CLOUDEVENTS = "cloudevents"
    CLOUDSTACK = "cloudstack"
    """As CloudStack's own event buses tell them, for consumers that know only these."""


class SinkState(StrEnum):
    """Whether events go there."""

    ACTIVE = "active"
    FAILING = "failing"
    """The last attempt failed; it is tried again."""
    PAUSED = "paused"


class SinkFilters(Value):
    """Which events; those of one kind are joined by *or*, the kinds by *and*."""

    nouns: tuple[Word, ...] = Field(default=(), max_length=MOST_WORDS)
    types: tuple[Word, ...] = Field(default=(), max_length=MOST_WORDS)
    of_account: Id | None = None
    """Only what belongs to this account."""


class SinkOptions(Value):
    """How events are sent."""

    exchange: Exchange | None = None
    """Of an ``amqp`` sink: a durable topic exchange, made when it is missing."""
    mandatory: bool = False
    """Of an ``amqp`` sink: an event that reaches no queue is tried again, not dropped."""
    batch: int = Field(default=1, ge=1, le=100)
    """Of a webhook with CloudEvents: most events in one request; with more than one a request is
    always a batch."""
    rate: float = Field(default=100.0, ge=0.01, le=100_000)
    """Most events in a second."""
    seconds: float = Field(default=10.0, ge=1, le=60)
    """How long the receiver has for one request, or the broker for its confirm."""
    event_source: str = Field(default="management-server", pattern=r"^[A-Za-z0-9_-]{1,64}$")
    """First word of CloudStack's routing keys."""


class SinkGapView(Value):
    """Events that were forgotten before the sink took them."""

    after: str
    """The last event the sink had looked at."""
    until: str
    """The last one that was forgotten."""
    at: Instant


class SinkView(SinkFilters, SinkOptions):
    """A sink, without its secrets."""

    id: Id
    account_id: Id
    name: Name
    kind: SinkKind
    format: SinkFormat
    target: str
    """Its URL without user, password and query; empty for the service's own broker."""
    state: SinkState
    position: str
    """The last event it took or did not want; events have it as SSE's ``id``."""
    lag_events: int
    """Events it wants and has not taken; counted to ten thousand."""
    lag_seconds: float
    """Age of the oldest of them."""
    delivered: int
    delivered_at: Instant | None = None
    failures: int
    """Attempts that failed since the last one that did not."""
    error: Problem | None = None
    """Why the last one that failed did."""
    failed_at: Instant | None = None
    gap: SinkGapView | None = None
    """The last one."""
    version: int
    """Rises with each change; also its ETag."""
    created: Instant
    updated: Instant


class SinkMade(SinkView):
    """A sink with the secret that signs for it, shown once."""

    secret: Secret


class SinkTried(Value):
    """What came of a test event."""

    delivered: bool
    seconds: float
    error: Problem | None = None


class SinkTest(Value):
    """Says that a sink works; sent when somebody asks for it."""

    sink_id: Id
    account_id: Id
    """Who asked."""


class SinkGap(Value):
    """Events were forgotten before this sink took them; what it knows by them may be old.

    Read the resources anew (``GET /v1/…``), then go on.
    """

    sink_id: Id
    after: str
    until: str
