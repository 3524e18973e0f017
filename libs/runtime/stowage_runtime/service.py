"""A service: what it hears, does and serves, and the one place that starts and stops it."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

from stowage_contracts.envelope import Envelope
from stowage_contracts.errors import StowageError
from stowage_contracts.message import Message
from stowage_contracts.values import Value

from stowage_runtime.handling.tx import Tx
from stowage_runtime.loops import Loop
from stowage_runtime.orders import Seal, unsealed

D = TypeVar("D")
Settle = Callable[[Tx], Awaitable[None]]
"""Records an outcome in a transaction of its own."""


async def nothing(tx: Tx) -> None:
    """The Settle of work that leaves nothing to record."""


class Desk(Protocol):
    """What a request handler, intent worker or route may use outside a transaction."""

    cause: Envelope | None

    def transaction(self) -> AbstractAsyncContextManager[Tx]:
        """A short transaction; commits on leaving."""
        ...

    async def ask(self, message: Message, *, to: str, seconds: float = 10) -> Message:
        """Bus request with the current trace and cause."""
        ...


Handler = Callable[[Any, Tx, D], Awaitable[None]]
"""(message, tx, deps): touches only ``tx``."""
RequestHandler = Callable[[Any, Desk, D], Awaitable[Message]]
"""(message, desk, deps) → reply; idempotent."""


@dataclass(frozen=True)
class IntentKind(Generic[D]):
    """A side effect a worker carries out: idempotent, outside any transaction.

    ``run`` answers how to record the outcome. A retryable StowageError is tried again with
    back-off until the deadline; then, or on a final error, ``give_up`` records the failure.
    """

    name: str
    payload: type[Value]
    run: Callable[[Any, Desk, D], Awaitable[Settle]]
    give_up: Callable[[Any, StowageError, Tx, D], Awaitable[None]]
    parallel: int = 4


@dataclass(frozen=True)
class Timer(Generic[D]):
    """Runs on one instance at a time, every ``seconds``, in one transaction."""

    name: str
    seconds: float
    run: Callable[[Tx, D], Awaitable[None]]


@dataclass(frozen=True)
class Service(Generic[D]):
    """Everything ``run`` needs; built in the service's ``__main__.wire`` and nowhere else."""

    name: str
    package: str
    """Import name; holds ``queries.sql`` and ``migrations/``."""
    deps: D
    handlers: Mapping[type[Message], Handler[D]] = field(default_factory=dict)
    ahead: Callable[[Sequence[Message], Tx, D], Awaitable[None]] | None = None
    """Called with all messages that are about to be handled in one transaction, to read or lock at
    once what their handlers will need."""
    gather_seconds: float = 0
    """How long the first of such messages waits for others; what nobody waits for can wait."""
    requests: Mapping[type[Message], RequestHandler[D]] = field(default_factory=dict)
    signals: Mapping[type[Message], Handler[D]] = field(default_factory=dict)
    ingress: Handler[D] | None = None
    """Takes foreign messages: (envelope of which nothing is believed, tx, deps); raises the
    StowageError its publisher is answered with."""
    intents: Sequence[IntentKind[D]] = ()
    timers: Sequence[Timer[D]] = ()
    loops: Mapping[str, Callable[[Callable[[], Desk]], Loop]] = field(default_factory=dict)
    """Loops of its own by name, on every instance; each is made of what opens desks."""
    routes: Sequence[Any] = ()
    """stowage_runtime.http.Route rows."""
    limiter: Any = None
    """stowage_runtime.http.limiting.Limiter; without one, nobody asks too much."""
    body_bytes: int = 1 << 20
    """Longest body of a request."""
    open: Callable[[], Awaitable[None]] | None = None
    close: Callable[[], Awaitable[None]] | None = None
    """Called after start and at stop, for what deps hold open."""
    authenticate: Callable[..., Awaitable[Any]] | None = None
    """stowage_runtime.http.Authenticate; without one, routes that want a caller are refused."""
    seal: Seal = unsealed
    """Seals its orders to agents (``stowage_runtime.orders``)."""
    ready_without_bus: bool = False
    """Whether it stays ready while the broker is away (the gateway answers and queues)."""
