"""The outbox: messages said by committed transactions, as rows until the bus confirmed them."""

from typing import Any

from asyncpg import Record
from stowage_contracts.envelope import Envelope


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
        sequence=row["sequence"],
        version=row["version"],
        data=row["data"],
    )
