"""What every message carries: CloudEvents 1.0 attributes, trace, cause and sequence."""

from datetime import UTC, datetime
from typing import Any, Literal

from pydantic import Field

from stowage_contracts.errors import InvalidInput
from stowage_contracts.message import Message
from stowage_contracts.messages import MESSAGES
from stowage_contracts.values import Instant, Value, new_id


class Envelope(Value):
    """A message in CloudEvents' structured JSON form; attribute names are lower case there."""

    specversion: Literal["1.0"] = "1.0"
    id: str = Field(default_factory=new_id)
    source: str
    """Who said it: a service's name, or ``agent/<host id>``."""
    type: str
    subject: str
    time: Instant = Field(default_factory=lambda: datetime.now(UTC))
    datacontenttype: Literal["application/json"] = "application/json"
    traceparent: str = ""
    correlationid: str = ""
    """Id of the first message of the conversation."""
    causationid: str = ""
    """Id of the message whose handling said this one."""
    sequence: int = 0
    """Rises by one for each message of the same source and subject; 0 where not kept."""
    number: int = 0
    """The same counting events alone, so that who hears no commands sees what is missing; 0 of all
    else."""
    version: int = 1
    seal: str = ""
    """Of an order to an agent: a signature over all the above that matters, and the data."""
    data: dict[str, Any]

    @classmethod
    def of(cls, message: Message, *, source: str, **attributes: Any) -> "Envelope":
        """Wrap ``message``; ``attributes`` are any other envelope fields."""
        return cls(
            source=source,
            type=type(message).__name__,
            subject=message.subject,
            version=message.version,
            data=message.model_dump(mode="json"),
            **attributes,
        )

    def message(self) -> Message:
        """The typed message; raises InvalidInput (unknown type, malformed data)."""
        kind = MESSAGES.get(self.type)
        if kind is None:
            raise InvalidInput(f"unknown message type {self.type!r}", code="unknown_message")
        return parse(kind, self.data)


def parse(kind: type[Message], data: dict[str, Any]) -> Message:
    """Validate ``data``; raises InvalidInput naming each bad field, never echoing its value."""
    try:
        return kind.model_validate(data)
    except ValueError as error:
        raise InvalidInput(_fields(error), resource=kind.__name__, code="malformed") from None


def _fields(error: ValueError) -> str:
    rows: list[dict[str, Any]] = getattr(error, "errors", list)()
    told = [f"{'.'.join(map(str, row['loc']))}: {row['msg']}" for row in rows[:8]]
    return "; ".join(told) or "malformed"
