"""The outbox: messages said by committed transactions, as rows until the bus confirmed them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from asyncpg import Record
from stowage_contracts.envelope import Envelope


@dataclass(frozen=True)
class Numbered:
    """A message as it lies in the outbox, with its place there and its sequence."""

    id: int
    envelope: Envelope
    to: str
    mandatory: bool
    attempts: int = 0

    @property
    def subject(self) -> str:
        """Messages of one subject are sent one after another."""
        return self.envelope.subject


def row(envelope: Envelope, to: str) -> dict[str, Any]:
    """What ``runtime.say`` stores; the sequence is given there."""
    return {
        "message_id": envelope.id,
        "type": envelope.type,
        "subject": envelope.subject,
        "version": envelope.version,
        "traceparent": envelope.traceparent,
        "correlation": envelope.correlationid,
        "causation": envelope.causationid,
        "to_address": to,
        "mandatory": bool(to),
        "data": envelope.data,
    }


def numbered(said: Sequence[tuple[Envelope, str]], given: list[Record]) -> list[Numbered]:
    """What was said, with the numbers ``runtime.say`` gave."""
    numbers = {record["message_id"]: record for record in given}
    return [
        Numbered(
            numbers[envelope.id]["id"],
            envelope.model_copy(update=_given(numbers[envelope.id])),
            to,
            bool(to),
        )
        for envelope, to in said
    ]


def read(record: Record, source: str) -> Numbered:
    """A row of the outbox."""
    return Numbered(
        record["id"],
        envelope(record, source),
        record["to_address"],
        record["mandatory"],
        record["attempts"],
    )


def envelope(row: Record, source: str) -> Envelope:
    """The envelope a row was made of, now with its sequence."""
    return Envelope(
        id=row["message_id"],
        source=source,
        type=row["type"],
        subject=row["subject"],
        time=row["said"],
        traceparent=row["traceparent"],
        correlationid=row["correlation"],
        causationid=row["causation"],
        **_given(row),
        version=row["version"],
        data=row["data"],
    )


def _given(row: Record) -> dict[str, int]:
    return {"sequence": row["sequence"], "number": row["number"]}
