"""Figures of the mirror: of all gateways together, and of this one's connections."""

from datetime import datetime
from typing import Any

from asyncpg import Record
from stowage_contracts.errors import Problem
from stowage_contracts.values import Value
from stowage_runtime.handling.tx import Tx
from stowage_runtime.service import Desk, Timer

from api_gateway.deps import Deps
from api_gateway.mirror.metrics import LOOKS, OLDEST

OFF, DRY_RUN, FOLLOWING, POLLING = "off", "dry_run", "following", "polling"
BROKER_AWAY, API_AWAY = "broker_away", "api_away"


class LastError(Value):
    """What went wrong last, and when."""

    at: datetime
    told: str


class MirrorBroker(Value):
    """CloudStack's broker, as this gateway sees it."""

    exchange: str
    binding: str
    queue: str
    connected: bool
    waiting: int | None
    """Events in the queue; unknown while the broker is away."""
    error: Problem | None


class MirrorApi(Value):
    """CloudStack's API, as this gateway sees it."""

    answers: bool
    error: Problem | None
    last_error: LastError | None


class MirrorEvents(Value):
    """What became of events since the database was made."""

    taken: int
    failed: int
    """Of actions that failed in CloudStack; looked at all the same."""
    joined: int
    """Those that told of an entity that was to be looked at anyway."""
    unfinished: int
    ignored: int
    malformed: int
    newest: datetime | None
    """When the newest one happened, by CloudStack's clock."""
    newest_age_seconds: float | None
    lag_seconds: float | None
    """How old the newest one was when it came."""
    last_error: LastError | None


class MirrorLooks(Value):
    """What is to be looked at."""

    pending: int
    oldest_seconds: float | None
    given_up: int
    done: int
    failed: int
    last_error: LastError | None


class MirrorStatus(Value):
    """How a CloudStack is followed."""

    state: str
    """off, following, polling (without a broker), dry_run, broker_away or api_away."""
    dry_run: bool
    broker: MirrorBroker | None
    api: MirrorApi
    events: MirrorEvents
    looks: MirrorLooks
    entities: dict[str, dict[str, int]]
    """How many of each noun had which outcome."""


class _Figures:
    """The counters by name."""

    def __init__(self, rows: list[Record]) -> None:
        self._rows = {row["name"]: row for row in rows}

    def count(self, name: str) -> int:
        row = self._rows.get(name)
        return row["count"] if row else 0

    def at(self, name: str) -> datetime | None:
        row = self._rows.get(name)
        return row["at"] if row else None

    def told(self, name: str) -> str:
        row = self._rows.get(name)
        return (row["told"] or "") if row else ""

    def error(self, name: str) -> LastError | None:
        at = self.at(name)
        return LastError(at=at, told=self.told(name)) if at else None


async def status(desk: Desk, deps: Deps) -> MirrorStatus:
    """Everything an operator asks first."""
    async with desk.transaction() as tx:
        figures = _Figures(await tx.rows("mirror.figures"))
        pending = await tx.row("mirror.pending")
        census = await tx.rows("mirror.census")
        now = tx.now
    assert pending is not None
    broker, api = await _broker(deps), _api(deps, figures)
    return MirrorStatus(
        state=_state(deps, broker, api),
        dry_run=deps.settings.mirror_dry_run,
        broker=broker,
        api=api,
        events=_events(figures, now),
        looks=_looks(figures, pending),
        entities=_by_noun(census),
    )


def _state(deps: Deps, broker: MirrorBroker | None, api: MirrorApi) -> str:
    if not deps.settings.mirrors:
        return OFF
    if not api.answers:
        return API_AWAY
    if broker is not None and not broker.connected:
        return BROKER_AWAY
    if deps.settings.mirror_dry_run:
        return DRY_RUN
    return FOLLOWING if broker is not None else POLLING


async def _broker(deps: Deps) -> MirrorBroker | None:
    listener, settings = deps.pulse.listener, deps.settings
    if listener is None:
        return None
    trouble = listener.trouble
    return MirrorBroker(
        exchange=settings.mirror_exchange,
        binding=settings.mirror_binding,
        queue=listener.queue,
        connected=trouble is None,
        waiting=await listener.depth(),
        error=trouble.problem if trouble else None,
    )


def _api(deps: Deps, figures: _Figures) -> MirrorApi:
    error = deps.pulse.api.error if deps.pulse.api is not None else None
    return MirrorApi(
        answers=error is None,
        error=error.problem if error else None,
        last_error=figures.error("api.away"),
    )


def _events(figures: _Figures, now: datetime) -> MirrorEvents:
    names = ("taken", "failed", "joined", "unfinished", "ignored", "malformed")
    counts = {name: figures.count(f"events.{name}") for name in names}
    newest, came = figures.at("events.newest"), figures.told("events.newest")
    lag = (datetime.fromisoformat(came) - newest).total_seconds() if newest and came else None
    return MirrorEvents(
        **counts,
        newest=newest,
        newest_age_seconds=(now - newest).total_seconds() if newest else None,
        lag_seconds=lag,
        last_error=figures.error("events.error"),
    )


def _looks(figures: _Figures, pending: Record) -> MirrorLooks:
    return MirrorLooks(
        pending=pending["pending"],
        oldest_seconds=_age(pending),
        given_up=pending["given_up"],
        done=figures.count("looks.done"),
        failed=figures.count("looks.failed"),
        last_error=figures.error("looks.failed"),
    )


def _age(pending: Record) -> float | None:
    oldest = pending["oldest"]
    return (pending["now"] - oldest).total_seconds() if oldest is not None else None


def _by_noun(census: list[Record]) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for row in census:
        found.setdefault(row["noun"], {})[row["outcome"]] = row["count"]
    return found


async def measure(tx: Tx, _deps: Any) -> None:
    """Keep the gauges."""
    pending = await tx.row("mirror.pending")
    assert pending is not None
    LOOKS.set(pending["pending"], {"state": "pending"})
    LOOKS.set(pending["given_up"], {"state": "given_up"})
    OLDEST.set(_age(pending) or 0.0)


MEASURE = Timer[Deps]("mirror figures", 15, measure)
