"""Rows of the mirror: what was decided of entities, and the lease of the look that decided."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from asyncpg import Record
from stowage_contracts.errors import Problem, StowageError
from stowage_runtime.backoff import delay
from stowage_runtime.handling.tx import Tx

from api_gateway.cloudstack.describing import described
from api_gateway.mirror.comparing import UNKNOWN, Known
from api_gateway.mirror.nouns import MirrorNoun
from api_gateway.mirror.rules import Action
from api_gateway.mirror.steps import Outcome, Step

LEASE_SECONDS = 120.0
"""How long a look may go without a word; asking alone ends long before."""
FIRST_SECONDS, CAP_SECONDS = 1.0, 60.0


class Superseded(Exception):
    """Another gateway took the look over."""


@dataclass(frozen=True)
class Look:
    """A leased row of what to look at."""

    noun: MirrorNoun
    id: str
    action: Action
    reason: str
    deleted: bool
    events: int
    lease: str
    attempts: int

    @classmethod
    def of(cls, row: Record) -> "Look":
        """Of a claimed row."""
        names = ("id", "reason", "deleted", "events", "lease", "attempts")
        told = {name: row[name] for name in names}
        return cls(noun=MirrorNoun(row["noun"]), action=Action(row["action"]), **told)

    @property
    def key(self) -> tuple[str, str, str]:
        """Row and lease."""
        return self.noun, self.id, self.lease

    async def settle(self, tx: Tx) -> None:
        """It is done; raises Superseded."""
        if not await tx.rows("mirror.settle", *self.key, self.events):
            raise Superseded

    async def renew(self, tx: Tx) -> None:
        """It goes on; raises Superseded."""
        if not await tx.run("mirror.renew", *self.key, LEASE_SECONDS):
            raise Superseded

    async def postpone(self, problem: Problem, patience: float, tx: Tx) -> bool:
        """Again later; whether it was given up instead. Raises Superseded."""
        wait = delay(self.attempts, FIRST_SECONDS, CAP_SECONDS)
        told = problem.model_dump_json()
        given_up = await tx.value("mirror.postpone", *self.key, told, wait, patience)
        if given_up is None:
            raise Superseded
        return bool(given_up)

    async def release(self, tx: Tx) -> None:
        """As if it had not been taken."""
        await tx.run("mirror.release", *self.key)


@dataclass(frozen=True)
class Kept:
    """What is written of one entity."""

    noun: str
    id: str
    outcome: Outcome
    steps: Sequence[Step] = ()
    account_id: str = ""
    facts: dict[str, Any] | None = None
    """None of one that is not there (any more): what was known stays."""

    def row(self, *, done: bool) -> dict[str, Any]:
        """As stored; ``done`` is False in a dry run."""
        dry = bool(self.steps) and not done
        return {
            "noun": self.noun,
            "id": self.id,
            "account_id": self.account_id,
            "facts": (self.facts or {}) | ({"why": self.outcome.why} if self.outcome.why else {}),
            "outcome": "dry_run" if dry else self.outcome.word,
            "steps": [{"step": step.told, "done": done} for step in self.steps],
            "gone": self.facts is None,
        }


async def keep(kept: Sequence[Kept], tx: Tx, *, done: bool) -> None:
    """Write what was decided."""
    if kept:
        await tx.run("mirror.keep", json.dumps([each.row(done=done) for each in kept]))


async def known(noun: str, ids: Sequence[str], tx: Tx) -> dict[str, Known]:
    """What the catalogue has of these ids."""
    rows = await tx.rows("mirror.resources_known", noun, list(ids))
    told = await described(noun, [row["id"] for row in rows], tx)
    found = {row["id"]: Known(row["state"], _removed(row), told[row["id"]]) for row in rows}
    return {id: found.get(id, UNKNOWN) for id in ids}


async def seen_before(noun: str, ids: Sequence[str], tx: Tx) -> set[str]:
    """Which of these CloudStack told of before."""
    rows = await tx.rows("mirror.entities_known", noun, list(ids))
    return {row["id"] for row in rows}


def _removed(row: Record) -> bool:
    return bool(row["removed"] or row["state"].get("removed"))


def problem_of(error: Exception) -> Problem:
    """What is told of a failed look; the text of an unforeseen error may quote anything."""
    if isinstance(error, StowageError):
        return error.problem
    name = type(error).__name__
    return StowageError(
        f"unexpected {name}", resource="mirror", code="unexpected", hint="see the gateway's log"
    ).problem
