"""CloudStack's five kinds of events, read without believing them: only named keys leave here.

Bodies of AsyncJobEvents hold every parameter of a request, passwords too; of what is read no text
but types, ids, states and times goes on, and no error quotes any of it.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pydantic_core import from_json

from api_gateway.bodies import is_id
from api_gateway.mirror.nouns import MirrorNoun, noun_of_class, noun_of_type

LARGEST = 1 << 20
"""Bytes of one event."""
PARTS = 5
NOTHING = "*"
"""How a missing part of a routing key is written, literally."""
_TYPE = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_DELETES = (".DELETE", ".DESTROY", ".EXPUNGE", ".REMOVE")
_ENDED = ("Expunged", "Destroyed", "Removed", "Inactive")
"""States of what will not come back."""
_RUNNING = "IN_PROGRESS"
_FAILED = "Error while"
"""How the description of a failed action begins; its status is Completed all the same."""


class Malformed(Exception):
    """Not an event of CloudStack; the text says why and quotes nothing."""


@dataclass(frozen=True)
class Entity:
    """Something to look at; without an id all of its noun."""

    noun: MirrorNoun
    id: str = ""


@dataclass(frozen=True)
class Event:
    """What is believed of an event: that it is about something, and that it is over."""

    category: str
    type: str
    entities: tuple[Entity, ...] = ()
    at: datetime | None = None
    finished: bool = True
    failed: bool = False
    deletes: bool = False
    """It tells that its entity went away."""


@dataclass(frozen=True)
class _Sent:
    """One message: the parts of its key and the keys of its body."""

    parts: tuple[str, ...]
    body: Mapping[str, Any] = field(repr=False)

    def text(self, name: str) -> str:
        """A value of the body; empty unless it is a short text."""
        value = self.body.get(name)
        return value if isinstance(value, str) and len(value) <= 255 and "\0" not in value else ""

    def type(self, name: str) -> str:
        """The dotted event type, from the body or else the key."""
        told = self.text(name) or self.part(2).replace("-", ".")
        if not _TYPE.fullmatch(told):
            raise Malformed("its event type is none")
        return told

    def part(self, place: int) -> str:
        """A part of the key; empty for one that is missing."""
        return "" if self.parts[place] == NOTHING else self.parts[place]

    def entity(self, kind: str, id: str) -> Iterator[Entity]:
        """What a resource type and an id name, each from the body or else the key."""
        noun = noun_of_class(kind or self.part(3))
        told = id or self.part(4)
        if noun is None or not told:
            return
        if not is_id(told):
            raise Malformed("the id of its entity is none")
        yield Entity(noun, "" if noun is MirrorNoun.PLACE else told)

    @property
    def at(self) -> datetime | None:
        try:
            return datetime.strptime(self.text("eventDateTime"), "%Y-%m-%d %H:%M:%S %z")
        except ValueError:
            return None


def read(key: str, body: bytes) -> Event:
    """The event a message is; raises Malformed."""
    parts = tuple(key.split("."))
    if len(parts) != PARTS or not all(parts):
        raise Malformed(f"its routing key has not {PARTS} parts")
    reader = _READERS.get(parts[1])
    if reader is None:
        raise Malformed("its category is none of the five")
    if len(body) > LARGEST:
        raise Malformed(f"its body has more than {LARGEST} bytes")
    try:
        told = from_json(body, allow_inf_nan=False)
    except ValueError:
        raise Malformed("its body is no JSON") from None
    if not isinstance(told, dict):
        raise Malformed("its body is no JSON object")
    return reader(_Sent(parts, told))


def _action(sent: _Sent) -> Event:
    kind = sent.type("event")
    failed = sent.text("description").startswith(_FAILED)
    named = [*sent.entity(sent.text("entity"), sent.text("entityuuid")), *_in_context(sent)]
    return Event(
        category="ActionEvent",
        type=kind,
        entities=_about(kind, named),
        at=sent.at,
        finished=sent.text("status") in ("Completed", ""),
        failed=failed,
        deletes=kind.endswith(_DELETES) and not failed,
    )


def _in_context(sent: _Sent) -> Iterator[Entity]:
    """First-class entities of the call: class name → uuid."""
    for name in sent.body:
        noun = noun_of_class(name) if "." in name else None
        if noun is not None and is_id(sent.text(name)):
            yield Entity(noun, "" if noun is MirrorNoun.PLACE else sent.text(name))


def _usage(sent: _Sent) -> Event:
    kind = sent.type("event")
    named = list(sent.entity(sent.text("resource"), sent.text("id")))
    return Event(
        category="UsageEvent",
        type=kind,
        entities=_about(kind, named),
        at=sent.at,
        deletes=kind.endswith(_DELETES),
    )


def _state(sent: _Sent) -> Event:
    """It is sent before and after the transition, alike: either may be the one that is true."""
    named = tuple(sent.entity(sent.text("resource"), sent.text("id")))
    about = named[0].noun.upper() if named else "OTHER"
    ended = sent.text("new-state") in _ENDED
    return Event("ResourceStateEvent", f"{about}.STATE", named, sent.at, deletes=ended)


def _job(sent: _Sent) -> Event:
    kind = sent.type("commandEventType")
    named = list(sent.entity(sent.text("instanceType"), sent.text("instanceUuid")))
    failed = sent.text("status") in ("FAILED", "CANCELLED")
    finished = sent.part(2) == "complete" or sent.text("status") not in (_RUNNING, "")
    return Event(
        category="AsyncJobEvent",
        type=kind,
        entities=_about(kind, named),
        at=sent.at,
        finished=finished,
        failed=failed,
        deletes=kind.endswith(_DELETES) and not failed,
    )


def _alert(sent: _Sent) -> Event:
    return Event("AlertEvent", "ALERT", at=sent.at)


def _about(kind: str, named: list[Entity]) -> tuple[Entity, ...]:
    """What is named; where a type has a noun but nothing is named, all of that noun."""
    noun = noun_of_type(kind)
    if not named and noun is not None:
        return (Entity(noun),)
    return tuple(dict.fromkeys(named))


_READERS: Mapping[str, Callable[[_Sent], Event]] = {
    "ActionEvent": _action,
    "ResourceStateEvent": _state,
    "UsageEvent": _usage,
    "AlertEvent": _alert,
    "AsyncJobEvent": _job,
}
