"""Base classes of messages: a kind, an owner and a subject each."""

from enum import StrEnum
from typing import Any, ClassVar

from stowage_contracts.values import ServiceName, Value


class Kind(StrEnum):
    """How a message travels.

    *event*: past tense, said by its owner, any number of readers. *command*: imperative, one
    queue. *report*: an event that an agent says, on an exchange of its own so that its broker
    user can write nowhere else. *request* / *reply*: a question with a deadline; transient.
    *signal*: capped, lossy, cumulative.
    """

    EVENT = "event"
    COMMAND = "command"
    REPORT = "report"
    REQUEST = "request"
    REPLY = "reply"
    SIGNAL = "signal"


class Message(Value):
    """Something said on the bus; the class name is the wire name."""

    kind: ClassVar[Kind]
    owner: ClassVar[ServiceName]
    shared: ClassVar[bool] = False
    """Said by whoever holds a destination's driver, not only by the noun's owner."""
    version: ClassVar[int] = 1
    subject_form: ClassVar[str] = ""

    def __init_subclass__(cls, *, subject: str = "", **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if subject:
            cls.subject_form = subject

    @classmethod
    def __pydantic_init_subclass__(cls, *, subject: str = "", **kwargs: Any) -> None:
        """Pydantic passes class keywords on; ``subject`` was taken above."""

    @property
    def subject(self) -> str:
        """``<noun>/<id>`` of what this is about; messages of one subject keep their order."""
        return self.subject_form.format_map(_Fields(self))

    @property
    def resource(self) -> "Resource | None":
        """The public state it carries, if it is one that read models follow."""
        return None


class Resource(Value):
    """Public state of one noun as event-carried state; a reader keeps the newest sequence."""

    noun: str
    id: str
    state: dict[str, Any]
    removed: bool = False


class _Fields(dict[str, Any]):
    def __init__(self, message: Message) -> None:
        super().__init__({name: getattr(message, name) for name in type(message).model_fields})
