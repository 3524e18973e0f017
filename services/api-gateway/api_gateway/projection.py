"""Rows the read models get: gathered while messages are handled, written together."""

import json
from dataclasses import dataclass, field
from typing import Any

from stowage_contracts.envelope import Envelope
from stowage_contracts.message import Message, Resource
from stowage_runtime.handling.tx import Tx

from api_gateway.ordering import Event, Subject
from api_gateway.telling import tell

ADMINS_ONLY = "*"
"""Account of events that carry no public state: only admins see them."""
INFRASTRUCTURE = ("store", "host", "placement_rule", "motion_policy", "cache_fleet", "transport_vm")
"""Nouns whose events tell paths, addresses and other accounts' ids."""
_KEY = "projection"


@dataclass
class Projection:
    """What one transaction is going to show."""

    events: list[Event] = field(default_factory=list)
    """With public state where there is some."""
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

    def event(self, message: Message, said: Envelope) -> None:
        """Show an event, and the state it carries if that is news."""
        noun, _, subject_id = message.subject.partition("/")
        row: dict[str, object] = {
            "type": type(message).__name__,
            "about": noun,
            "about_id": subject_id,
            **_identity(said),
        }
        resource = message.resource
        if resource is None:
            row["seen_by"] = ADMINS_ONLY
        else:
            row |= _kept(resource)
        text = f'{json.dumps(row)[:-1]}, "body": {message.model_dump_json()}}}'
        subject, word = Subject(said.source, message.subject), condition(resource)
        self.events.append(Event(subject, said.number, text, word))

    async def write(self, tx: Tx) -> None:
        """Write all of it."""
        if self.events:
            events, self.events = self.events, []
            await tell(events, tx)
        if self.ready:
            await tx.run("end_pending", self.ready)
            self.ready.clear()
        if self.progress:
            await tx.run("progress", f"[{','.join(self.progress.values())}]")
            self.progress.clear()


def condition(resource: Resource | None) -> str:
    """In a word, how it is with a resource; objects have no word of their own."""
    if resource is None:
        return ""
    state = resource.state
    if "state" in state:
        return str(state["state"])
    if resource.removed or state.get("removed"):
        return "removed"
    if "ready" not in state:
        return "there"
    return "ready" if state["ready"] else "failed" if state.get("error") else "pending"


def _identity(said: Envelope) -> dict[str, Any]:
    return {
        "message_id": said.id,
        "source": said.source,
        "sequence": said.sequence,
        "number": said.number,
        "said": said.time.isoformat(),
        "traceparent": said.traceparent,
        "correlation": said.correlationid,
        "causation": said.causationid,
    }


def _kept(resource: Resource) -> dict[str, object]:
    account = resource.state.get("account_id", "")
    return {
        "noun": resource.noun,
        "id": resource.id,
        "account_id": account,
        "state": resource.state,
        "removed": resource.removed,
        "seen_by": ADMINS_ONLY if resource.noun in INFRASTRUCTURE else account,
    }
