"""Rows of sinks: as they are delivered for, and as they are shown."""

from dataclasses import dataclass
from typing import Any

from asyncpg import Record
from stowage_contracts.errors import NotFound
from stowage_contracts.sinks import (
    SinkFilters,
    SinkFormat,
    SinkKind,
    SinkOptions,
    SinkState,
    SinkView,
)
from stowage_runtime.handling.tx import Tx
from stowage_runtime.http import Call
from stowage_runtime.secrets import RowCipher

from api_gateway import kept
from api_gateway.bodies import is_id
from api_gateway.listeners import Position
from api_gateway.sinks.secrets import SinkSecrets

MOST_COUNTED = 10_000


@dataclass(frozen=True)
class Sink:
    """What delivering for a sink needs to know of it."""

    id: str
    account_id: str
    name: str
    kind: SinkKind
    format: SinkFormat
    options: SinkOptions
    filters: SinkFilters
    secrets: SinkSecrets
    generation: int = 0

    @classmethod
    def of(cls, row: Record, cipher: RowCipher) -> "Sink":
        """Of its row; raises InvalidInput when its secrets cannot be opened."""
        return cls(
            id=row["id"],
            account_id=row["account_id"],
            name=row["name"],
            kind=SinkKind(row["kind"]),
            format=SinkFormat(row["format"]),
            options=SinkOptions.model_validate(row["options"]),
            filters=SinkFilters.model_validate(row["filters"]),
            secrets=SinkSecrets.opened(row["sealed"], row["id"], cipher),
            generation=row["generation"],
        )


async def wants(account_id: str, filters: SinkFilters, tx: Tx) -> tuple[Any, ...]:
    """Accounts seen (None for all), nouns, types, account wanted ('' for any): last arguments of
    queries. What an account may see is asked each time."""
    sees = await tx.value("seen_by_account", account_id)
    return sees, list(filters.nouns), list(filters.types), filters.of_account or ""


async def view(row: Record, tx: Tx) -> SinkView:
    """As its owner is shown it, with how far it is behind."""
    limit, at = await kept.horizon(tx), (row["at_tx"], row["at_id"])
    wanted = await wants(row["account_id"], SinkFilters.model_validate(row["filters"]), tx)
    lag = await tx.row("sink_lag", *at, limit, *wanted, MOST_COUNTED)
    assert lag is not None
    known = {name: value for name, value in row.items() if name in SinkView.model_fields}
    return SinkView.model_validate(
        {
            **row["options"],
            **row["filters"],
            **known,
            "state": _state(row),
            "position": str(Position(*at)),
            "lag_events": lag["events"],
            "lag_seconds": lag["seconds"],
            "version": row["generation"],
        }
    )


def _state(row: Record) -> SinkState:
    if row["paused"]:
        return SinkState.PAUSED
    return SinkState.FAILING if row["failures"] else SinkState.ACTIVE


async def own_sink(call: Call, tx: Tx, query: str = "sink") -> Record:
    """The row of the sink ``id``; raises NotFound, also for what is others'."""
    sink_id = call.path["id"]
    row = await tx.row(query, sink_id, call.principal.sees) if is_id(sink_id) else None
    if row is None:
        raise NotFound("no such sink", resource=f"sink/{sink_id[:64]}")
    return row
