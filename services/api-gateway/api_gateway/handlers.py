"""Read models: one generic projection of every owner's public state."""

from collections.abc import Mapping

from stowage_contracts.envelope import Envelope
from stowage_contracts.message import Kind, Message
from stowage_contracts.messages import MESSAGES
from stowage_contracts.messages.data_motion import CopyProgressed
from stowage_contracts.messages.image_store import ReplicaFailed, ReplicaReady
from stowage_runtime.handling.tx import Tx
from stowage_runtime.service import Handler

from api_gateway.deps import Deps
from api_gateway.projection import Projection


async def on_event(message: Message, tx: Tx, deps: Deps) -> None:
    """Keep the newest state of the subject and tell the live feed."""
    said = tx.cause or Envelope.of(message, source=message.owner.value)
    Projection.of(tx).event(message, said)
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
    await on_event(message, tx, deps)
    if message.copy_id is not None:
        Projection.of(tx).ready.append(message.copy_id)


async def on_copy_progressed(message: CopyProgressed, tx: Tx, deps: Deps) -> None:
    """Live figures: shown at once, kept until the next state."""
    Projection.of(tx).progress[message.copy_id] = message.model_dump_json()
    deps.feed.ring()


HANDLERS: Mapping[type[Message], Handler[Deps]] = {
    **{kind: on_event for kind in MESSAGES.values() if kind.kind is Kind.EVENT},
    ReplicaFailed: on_replica_failed,
    ReplicaReady: on_replica_ready,
}
SIGNALS: Mapping[type[Message], Handler[Deps]] = {CopyProgressed: on_copy_progressed}
