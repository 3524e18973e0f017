"""Events as they leave: what a row of the feed is to those outside."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from asyncpg import Record
from stowage_contracts.message import Resource
from stowage_contracts.sinks import SinkGap, SinkTest
from stowage_contracts.values import ServiceName

from api_gateway.listeners import Position
from api_gateway.projection import condition

GATEWAY = ServiceName.API_GATEWAY.value
"""Source of what the gateway says of sinks themselves."""


@dataclass(frozen=True)
class Outgoing:
    """One event."""

    id: str
    """With its source the same whenever and wherever it is told."""
    source: str
    type: str
    noun: str
    subject_id: str
    time: datetime
    body: Mapping[str, Any]
    position: Position | None = None
    """None for what is no part of the feed."""
    sequence: int = 0
    account: str = ""
    was: str = ""
    """Condition of the subject before."""
    links: Mapping[str, str] = field(default_factory=dict)
    """Trace, conversation and cause, as far as there are any."""

    @classmethod
    def of(cls, row: Record) -> "Outgoing":
        """A row of the feed."""
        links = {
            "traceparent": row["traceparent"],
            "correlationid": row["correlation"],
            "causationid": row["causation"],
        }
        return cls(
            id=row["message_id"],
            source=row["source"] or GATEWAY,
            type=row["type"],
            noun=row["noun"],
            subject_id=row["subject_id"],
            time=row["said"] or row["at"],
            body=row["body"],
            position=Position.of(row),
            sequence=row["sequence"],
            account=row["account_id"],
            was=row["was"],
            links={name: text for name, text in links.items() if text},
        )

    @classmethod
    def about(cls, said: SinkTest | SinkGap, id: str, now: datetime) -> "Outgoing":
        """What the gateway tells of the sink itself."""
        return cls(
            id=id,
            source=GATEWAY,
            type=type(said).__name__,
            noun="sink",
            subject_id=said.sink_id,
            time=now,
            body=said.model_dump(mode="json"),
        )

    @property
    def subject(self) -> str:
        """``<noun>/<id>``."""
        return f"{self.noun}/{self.subject_id}"

    @property
    def condition(self) -> str:
        """In a word, how it is with the subject now; empty where the event does not tell."""
        state = self.body.get("state")
        if not isinstance(state, dict):
            return ""
        removed = self.type.endswith(("Removed", "Rejected"))
        return condition(Resource(noun=self.noun, id=self.subject_id, state=state, removed=removed))

    @property
    def attributes(self) -> dict[str, str | int]:
        """CloudEvents 1.0 context attributes, extensions among them."""
        own: dict[str, str | int] = {
            "specversion": "1.0",
            "id": self.id,
            "source": self.source,
            "type": self.type,
            "subject": self.subject,
            "time": self.time.isoformat(),
            "datacontenttype": "application/json",
        }
        extensions: dict[str, str | int] = {
            "sequence": self.sequence,
            "position": str(self.position or ""),
            "accountid": self.account.strip("*"),
            "was": self.was,
            **self.links,
        }
        return own | {name: value for name, value in extensions.items() if value}

    @property
    def data(self) -> bytes:
        """What happened, as JSON."""
        return json.dumps(self.body).encode()

    @property
    def cloudevent(self) -> dict[str, Any]:
        """The same in CloudEvents' JSON form."""
        return {**self.attributes, "data": self.body}


def waves(events: Sequence[Outgoing]) -> Iterable[list[Outgoing]]:
    """Events that may go side by side, then those that must wait for them: no two of a wave have
    the same subject, and of each subject the order stays."""
    left = list(events)
    while left:
        seen: set[str] = set()
        wave: list[Outgoing] = []
        rest: list[Outgoing] = []
        for event in left:
            (rest if event.subject in seen else wave).append(event)
            seen.add(event.subject)
        yield wave
        left = rest
