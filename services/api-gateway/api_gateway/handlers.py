"""Read models: one generic projection of every owner's public state."""

from collections.abc import Mapping

from stowage_contracts.message import Kind, Message
from stowage_contracts.messages import MESSAGES
from stowage_contracts.messages.data_motion import CopyProgressed
from stowage_contracts.messages.image_store import ReplicaFailed, ReplicaReady
from stowage_runtime.handling.tx import Tx
from stowage_runtime.service import Handler

from api_gateway.deps import Deps

ADMINS_ONLY = "*"
"""Account of events that carry no public state: only admins see them."""


INFRASTRUCTURE = ("store", "host", "placement_rule", "motion_policy")
"""Nouns whose events tell paths and other accounts' ids."""


async def on_event(message: Message, tx: Tx, deps: Deps) -> None:
    """Keep the newest state of the subject and tell the live feed."""
    resource = message.resource
    if resource is None:
        await _tell(message, ADMINS_ONLY, tx, deps)
        return
    account = resource.state.get("account_id", "")
    sequence = tx.cause.sequence if tx.cause else 0
    row = (resource.noun, resource.id, account, sequence, resource.state, resource.removed)
    if await tx.run("project", *row):
        hidden = ADMINS_ONLY if resource.noun in INFRASTRUCTURE else account
        await _tell(message, hidden, tx, deps)


async def _tell(message: Message, account: str, tx: Tx, deps: Deps) -> None:
    noun, _, subject_id = message.subject.partition("/")
    body = message.model_dump(mode="json")
    await tx.run("add_feed", type(message).__name__, noun, subject_id, account, body)
    deps.feed.ring()


async def on_replica_failed(message: ReplicaFailed, tx: Tx, deps: Deps) -> None:
    """A copy refused before data-motion heard of it ends here."""
    if message.copy_id is not None:
        problem = message.error.model_dump(mode="json")
        row = await tx.row("refuse_pending", message.copy_id, problem)
        if row is not None:
            about = ("CopyFailed", "copy", message.copy_id, row["account_id"])
            await tx.run("add_feed", *about, {"state": row["state"], "error": problem})
    await on_event(message, tx, deps)


async def on_replica_ready(message: ReplicaReady, tx: Tx, deps: Deps) -> None:
    """A copy its store made by itself, so that data-motion never heard of it, ends here."""
    if message.copy_id is not None:
        row = await tx.row("end_pending", message.copy_id)
        if row is not None:
            about = ("CopyCompleted", "copy", message.copy_id, row["account_id"])
            await tx.run("add_feed", *about, {"state": row["state"]})
    await on_event(message, tx, deps)


async def on_copy_progressed(message: CopyProgressed, tx: Tx, deps: Deps) -> None:
    """Live figures: shown at once, kept until the next state."""
    if await tx.run("progress", message.copy_id, message.model_dump(mode="json")):
        deps.feed.ring()


HANDLERS: Mapping[type[Message], Handler[Deps]] = {
    **{kind: on_event for kind in MESSAGES.values() if kind.kind is Kind.EVENT},
    ReplicaFailed: on_replica_failed,
    ReplicaReady: on_replica_ready,
}
SIGNALS: Mapping[type[Message], Handler[Deps]] = {CopyProgressed: on_copy_progressed}
