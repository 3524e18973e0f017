"""Rows the read models get: gathered while messages are handled, written together."""

import json
from dataclasses import dataclass, field

from stowage_contracts.message import Message, Resource
from stowage_runtime.handling.tx import Tx

ADMINS_ONLY = "*"
"""Account of events that carry no public state: only admins see them."""
INFRASTRUCTURE = ("store", "host", "placement_rule", "motion_policy", "cache_fleet", "transport_vm")
"""Nouns whose events tell paths, addresses and other accounts' ids."""
_KEY = "projection"


@dataclass
class Projection:
    """What one transaction is going to show."""

    events: list[str] = field(default_factory=list)
    """As JSON; with public state where there is some."""
    ready: list[str] = field(default_factory=list)
    """Copies whose destination is there, if nobody but their store made them."""
    progress: dict[str, str] = field(default_factory=dict)
    """Newest figures as JSON, by copy."""

    @classmethod
    def of(cls, tx: Tx) -> "Projection":
        """That of a transaction; written before its next statement."""
        found: Projection | None = tx.memo.get(_KEY)
        if found is None:
            found = tx.memo[_KEY] = cls()
        tx.behind(_KEY, lambda: found.write(tx))
        return found

    def event(self, message: Message, sequence: int) -> None:
        """Show an event, and the state it carries if that is news."""
        noun, _, subject_id = message.subject.partition("/")
        row: dict[str, object] = {
            "type": type(message).__name__,
            "about": noun,
            "about_id": subject_id,
        }
        resource = message.resource
        if resource is None:
            row["seen_by"] = ADMINS_ONLY
        else:
            row |= _kept(resource, sequence)
        self.events.append(f'{json.dumps(row)[:-1]}, "body": {message.model_dump_json()}}}')

    async def write(self, tx: Tx) -> None:
        """Write all of it."""
        if self.events:
            await tx.run("project", _array(self.events))
            self.events.clear()
        if self.ready:
            await tx.run("end_pending", self.ready)
            self.ready.clear()
        if self.progress:
            await tx.run("progress", _array(list(self.progress.values())))
            self.progress.clear()


def _kept(resource: Resource, sequence: int) -> dict[str, object]:
    account = resource.state.get("account_id", "")
    return {
        "noun": resource.noun,
        "id": resource.id,
        "account_id": account,
        "sequence": sequence,
        "state": resource.state,
        "removed": resource.removed,
        "seen_by": ADMINS_ONLY if resource.noun in INFRASTRUCTURE else account,
    }


def _array(rows: list[str]) -> str:
    return f"[{','.join(rows)}]"
