"""Where a sink begins, and where it is sent back to."""

from stowage_contracts.errors import InvalidInput
from stowage_runtime.handling.tx import Tx

from api_gateway import kept
from api_gateway.listeners import START, Position
from api_gateway.sinks.bodies import FROM_HERE, FROM_OLDEST, Redelivery


async def start(after: str, tx: Tx) -> Position:
    """The position ``now``, ``oldest`` or the one named; raises InvalidInput."""
    if after == FROM_HERE:
        return await kept.end(tx)
    position = START if after == FROM_OLDEST else Position.parse(after)
    if position is None:
        raise InvalidInput(
            "not the position of an event of ours",
            code="position",
            hint="events carry theirs; `oldest` and `now` are others",
        )
    return position


async def moved(asked: Redelivery, tx: Tx) -> Position:
    """Where it goes on after."""
    if asked.since is None:
        return await start(asked.after, tx)
    if not await tx.value("any_since", asked.since):
        return await kept.end(tx)
    return Position.of(await tx.row("position_at", asked.since))
