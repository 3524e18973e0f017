"""Events as CloudStack's own buses tell them: keys, names and bodies that old consumers know.

Only what has such a form is told: templates, ISOs, volumes and snapshots that are made, copied and
deleted. What CloudStack has no word for is left out.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from api_gateway.sinks.outgoing import Outgoing

_ENTITIES = {"template": "Template", "iso": "Iso", "volume": "Volume", "snapshot": "Snapshot"}
_STATES: Mapping[str, Mapping[tuple[str, str], tuple[str, str, str]]] = {
    "Volume": {
        ("", "pending"): ("UploadRequested", "Allocated", "UploadOp"),
        ("pending", "ready"): ("OperationSucceeded", "UploadOp", "Uploaded"),
        ("", "ready"): ("OperationSucceeded", "UploadOp", "Uploaded"),
        ("failed", "ready"): ("OperationSucceeded", "UploadOp", "Uploaded"),
        ("pending", "failed"): ("OperationFailed", "UploadOp", "Allocated"),
        ("ready", "removed"): ("OperationSucceeded", "Expunging", "Expunged"),
        ("pending", "removed"): ("OperationSucceeded", "Expunging", "Expunged"),
        ("failed", "removed"): ("OperationSucceeded", "Expunging", "Expunged"),
    },
    "Snapshot": {
        ("", "pending"): ("CreateRequested", "Allocated", "Creating"),
        ("pending", "ready"): ("OperationSucceeded", "BackingUp", "BackedUp"),
        ("", "ready"): ("OperationSucceeded", "BackingUp", "BackedUp"),
        ("failed", "ready"): ("OperationSucceeded", "BackingUp", "BackedUp"),
        ("pending", "failed"): ("OperationFailed", "BackingUp", "Error"),
        ("ready", "removed"): ("OperationSucceeded", "Destroying", "Destroyed"),
        ("pending", "removed"): ("OperationSucceeded", "Destroying", "Destroyed"),
        ("failed", "removed"): ("OperationSucceeded", "Destroying", "Destroyed"),
    },
}
"""Of (was, is): the event of CloudStack's state machine, its state before and after."""
_MADE_VOLUME = {
    "UploadRequested": ("CreateRequested", "Allocated", "Creating"),
    "OperationFailed": ("OperationFailed", "Creating", "Allocated"),
}
"""A volume made of a template is created, not uploaded."""
_COPIES = {"CopyStarted": "Started", "CopyCompleted": "Completed", "CopyFailed": "Completed"}


@dataclass(frozen=True)
class CloudStackEvent:
    """One event of CloudStack's form."""

    id: str
    """Of the event it is made of, and the same whenever that is told."""
    category: str
    type: str
    resource: str
    uuid: str
    body: Mapping[str, str]

    def key(self, source: str) -> str:
        """``source.category.type.resource.uuid``; no part holds a dot, an empty one is ``*``."""
        parts = (source, self.category, self.type, self.resource, self.uuid)
        return ".".join(part.replace(".", "-") or "*" for part in parts)

    @property
    def name(self) -> str:
        """``TEMPLATE.CREATE`` and its like; of a state machine's event, its name there."""
        return self.body.get("event", self.type)

    @property
    def payload(self) -> bytes:
        """Its body as JSON."""
        return json.dumps(self.body).encode()


def told(event: Outgoing) -> list[CloudStackEvent]:
    """An event in CloudStack's words; empty where it has none for it."""
    if event.noun == "copy":
        return list(_copied(event))
    state = event.body.get("state")
    if event.noun not in _ENTITIES or not isinstance(state, dict) or event.was == event.condition:
        return []
    entity = _ENTITIES.get(str(state.get("kind")), _ENTITIES[event.noun])
    return [*_changed(event, entity, state), *_acted(event, entity, state)]


def told_or_own(event: Outgoing) -> list[CloudStackEvent]:
    """As ``told``; what the gateway says of a sink itself is an alert."""
    if event.noun != "sink":
        return told(event)
    subject = "Events were lost" if event.type == "SinkGap" else "Test of a sink"
    body = {
        "event": "ALERT.MANAGEMENT",
        "subject": subject,
        "body": json.dumps(event.body),
        "eventDateTime": _time(event),
    }
    return [CloudStackEvent(event.id, "AlertEvent", "ALERT-MANAGEMENT", "", "", body)]


def _changed(event: Outgoing, entity: str, state: Mapping[str, Any]) -> Iterator[CloudStackEvent]:
    found = _STATES.get(entity, {}).get((event.was, event.condition))
    if found is None:
        return
    if entity == "Volume" and state.get("template_id"):
        made = ("OperationSucceeded", "Creating", "Ready")
        found = made if found[2] == "Uploaded" else _MADE_VOLUME.get(found[0], found)
    name, before, after = found
    body = {
        "resource": entity,
        "id": event.subject_id,
        "old-state": before,
        "new-state": after,
        "eventDateTime": _time(event),
    }
    yield CloudStackEvent(
        f"{event.id}.state", "ResourceStateEvent", name, entity, event.subject_id, body
    )


def _acted(event: Outgoing, entity: str, state: Mapping[str, Any]) -> Iterator[CloudStackEvent]:
    upload = entity == "Volume" and not state.get("template_id")
    verb, doing = ("UPLOAD", "uploading") if upload else ("CREATE", "creating")
    about = f"{entity.lower()}: {state.get('name', '')}"
    if event.condition == "removed":
        yield _action(event, entity, "DELETE", f"Successfully completed deleting {about}")
    elif event.condition == "ready":
        yield _action(event, entity, verb, f"Successfully completed {doing} {about}")
    elif event.condition == "failed":
        yield _action(event, entity, verb, f"Error while {doing} {about}")
    elif event.was == "":
        yield _action(event, entity, verb, f"Starting job for {doing} {about}", "Started")


def _copied(event: Outgoing) -> Iterator[CloudStackEvent]:
    """A copy between stores; that of a source's bytes is part of creating the object."""
    state, status = event.body.get("state"), _COPIES.get(event.type)
    if status is None or not isinstance(state, dict) or not state.get("object"):
        return
    kind, key = str(state["object"]["kind"]), str(state["object"]["id"])
    if kind == "volume" or str(state.get("source", "")).startswith("URL of "):
        return
    error = event.type == "CopyFailed"
    words = "Error while" if error else "Starting job for"
    words = "Successfully completed" if event.type == "CopyCompleted" else words
    description = f"{words} copying {kind}: {key} to {state.get('destination', '')}"
    found = Outgoing(
        event.id,
        event.source,
        event.type,
        kind,
        key,
        event.time,
        event.body,
        account=str(state.get("account_id", "")),
    )
    yield _action(found, _ENTITIES[kind], "COPY", description, status)


def _action(
    event: Outgoing, entity: str, verb: str, description: str, status: str = "Completed"
) -> CloudStackEvent:
    name = f"{entity.upper()}.{verb}"
    body = {
        "event": name,
        "status": status,
        "user": event.account,
        "account": event.account,
        "entity": entity,
        "entityuuid": event.subject_id,
        "description": description,
        "eventDateTime": _time(event),
    }
    body = {key: text for key, text in body.items() if text}
    return CloudStackEvent(
        f"{event.id}.action", "ActionEvent", name.replace(".", "-"), entity, event.subject_id, body
    )


def _time(event: Outgoing) -> str:
    return event.time.strftime("%Y-%m-%d %H:%M:%S %z")
