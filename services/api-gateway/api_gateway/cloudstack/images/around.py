"""What the rows of an answer need to know beside the objects' own states; each read once."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from asyncpg import Record
from stowage_runtime.handling.tx import Tx

from api_gateway.cloudstack.describing import Description
from api_gateway.cloudstack.images.kinds import NOUN
from api_gateway.cloudstack.owners import Owner, owners_of

State = Mapping[str, Any]


@dataclass(frozen=True)
class Entry:
    """One row: an object, and a zone it is wished for."""

    state: State
    zone_id: str | None = None
    """None: the object as a whole."""
    ready: bool = False
    gone: datetime | None = None

    @classmethod
    def of(cls, row: Record) -> "Entry":
        """Of a row of a list."""
        gone = row["updated"] if row["state"].get("removed") else None
        return cls(row["state"], row["zone_id"], row["ready"], gone)


@dataclass(frozen=True)
class Around:
    """By id."""

    zones: Mapping[str, State]
    stores: Mapping[str, State]
    copies: Mapping[str, State]
    owners: Mapping[str, Owner]
    descriptions: Mapping[str, Description]
    jobs: Mapping[str, str]
    """Pending job of an object."""

    @classmethod
    async def of(cls, states: Sequence[State], tx: Tx, noun: str = NOUN) -> "Around":
        """What is around these objects."""
        replicas = [replica for state in states for replica in state.get("replicas", ())]
        running = [replica["copy_id"] for replica in replicas if replica["state"] != "Ready"]
        named = await _named(
            [
                *(("zone", zone) for state in states for zone in _zones(state)),
                *(("store", replica["store_id"]) for replica in replicas),
                *(("copy", copy_id) for copy_id in running),
            ],
            tx,
        )
        told = await tx.rows("told_of", noun, sorted({state["id"] for state in states}))
        return cls(
            named["zone"],
            named["store"],
            named["copy"],
            await owners_of(tx, {state["account_id"] for state in states}),
            {row["id"]: Description.of(row) for row in told},
            {row["id"]: row["job_id"] for row in told if row["job_id"]},
        )


def _zones(state: State) -> Iterable[str | None]:
    return [state["scope"].get("zone_id"), *(zone["zone_id"] for zone in state.get("zones", ()))]


async def _named(
    wanted: Iterable[tuple[str, str | None]], tx: Tx
) -> Mapping[str, Mapping[str, State]]:
    """States by noun and id."""
    found: dict[str, dict[str, State]] = {"zone": {}, "store": {}, "copy": {}}
    keys = sorted({(noun, key) for noun, key in wanted if key})
    nouns, ids = [noun for noun, _ in keys], [key for _, key in keys]
    for row in await tx.rows("states_around", nouns, ids) if keys else []:
        found[row["noun"]][row["id"]] = row["state"]
    return found
