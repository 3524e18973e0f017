"""Kept events, read so that none is left out: only what no transaction can still join."""

from asyncpg import Record
from stowage_contracts.values import Value
from stowage_runtime.handling.tx import Tx

from api_gateway.listeners import Position


class About(Value):
    """Which events: of one noun, of one subject, of some accounts and everybody's."""

    noun: str = ""
    id: str = ""
    sees: list[str] | None = None
    """Accounts; None for all."""


async def end(tx: Tx) -> Position:
    """Of the last event."""
    return Position.of(await tx.row("feed_end", await horizon(tx)))


async def trimmed(tx: Tx) -> Position:
    """Of the newest event that is kept no more."""
    return Position.of(await tx.row("feed_trimmed"))


async def after(at: Position, most: int, about: About, tx: Tx) -> list[Record]:
    """The next events, in order."""
    limit = await horizon(tx)
    return await tx.rows("feed_after", *at, most, about.noun, about.id, about.sees, limit)


async def horizon(tx: Tx) -> int:
    """Every transaction of the gateways before this one has ended.

    It is asked before events are read, and in a statement of its own: what ends in between is seen.
    """
    return int(await tx.value("feed_horizon"))
