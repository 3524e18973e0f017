"""What the rows of an answer need to know beside the objects' own states; each read once."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from asyncpg import Record
from stowage_runtime.handling.tx import Tx

from api_gateway.cloudstack.describing import Description, described
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
        ids = sorted({state["id"] for state in states})
        replicas = [replica for state in states for replica in state.get("replicas", ())]
        running = [replica["copy_id"] for replica in replicas if replica["state"] != "Ready"]
        jobs = await tx.rows("jobs_of", noun, ids) if ids else []
        return cls(
            await _states("zone", (zone for state in states for zone in _zones(state)), tx),
            await _states("store", (replica["store_id"] for replica in replicas), tx),
            await _states("copy", running, tx),
            await owners_of(tx, {state["account_id"] for state in states}),
            await described(noun, ids, tx),
            {row["subject_id"]: row["id"] for row in jobs},
        )


def _zones(state: State) -> Iterable[str | None]:
    return [state["scope"].get("zone_id"), *(zone["zone_id"] for zone in state.get("zones", ()))]


async def _states(noun: str, ids: Iterable[str | None], tx: Tx) -> dict[str, State]:
    wanted = sorted({key for key in ids if key})
    rows = await tx.rows("states_of", noun, wanted) if wanted else []
    return {row["id"]: row["state"] for row in rows}
