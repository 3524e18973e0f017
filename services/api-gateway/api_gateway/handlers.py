"""Read models: one generic projection of every owner's public state."""

import json
from collections.abc import Mapping
from typing import Any

from stowage_contracts.message import Kind, Message
from stowage_contracts.messages import MESSAGES
from stowage_contracts.messages.data_motion import CopyProgressed
from stowage_contracts.messages.image_store import ReplicaFailed
from stowage_runtime.service import Handler
from stowage_runtime.tx import Tx

from api_gateway.deps import Deps


async def on_event(message: Message, tx: Tx, deps: Deps) -> None:
    """Keep the newest state of the subject and tell the live feed."""
    resource = message.resource
    noun, _, subject_id = message.subject.partition("/")
    if resource is None:
        await _tell(tx, message, (noun, subject_id, OWNERS_ONLY))
        return
    account = resource.state.get("account_id", "")
    sequence = tx.cause.sequence if tx.cause else 0
    row = (resource.noun, resource.id, account, sequence, resource.state, resource.removed)
    if await tx.run("project", *row):
        await _tell(tx, message, (noun, subject_id, account))


OWNERS_ONLY = "*"
"""Account of events that carry no public state: only admins see them."""


async def _tell(tx: Tx, message: Message, about: tuple[str, str, str]) -> None:
    noun, subject_id, account = about
    body = message.model_dump(mode="json")
    feed_id = await tx.value("add_feed", type(message).__name__, noun, subject_id, account, body)
    await tx.value("notify", json.dumps({"feed": feed_id}))


async def on_replica_failed(message: ReplicaFailed, tx: Tx, deps: Deps) -> None:
    """A copy refused before data-motion heard of it ends here."""
    if message.copy_id is not None:
        problem = message.error.model_dump(mode="json")
        await tx.run("refuse_pending", message.copy_id, problem)
    await on_event(message, tx, deps)


async def on_copy_progressed(message: CopyProgressed, tx: Tx, deps: Deps) -> None:
    """Live figures: shown at once, kept until the next state."""
    transfer = message.transfer.model_dump(mode="json")
    account = await tx.value("progress", message.copy_id, transfer)
    if account is not None:
        event: dict[str, Any] = {"account": account, "data": message.model_dump(mode="json")}
        await tx.value("notify", json.dumps({"progress": event}))


HANDLERS: Mapping[type[Message], Handler[Deps]] = {
    **{kind: on_event for kind in MESSAGES.values() if kind.kind is Kind.EVENT},
    ReplicaFailed: on_replica_failed,
}
SIGNALS: Mapping[type[Message], Handler[Deps]] = {CopyProgressed: on_copy_progressed}
