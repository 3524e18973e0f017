"""Clones: objects that a store makes of another one of its server, for data-motion."""

from asyncpg import Record
from stowage_contracts.errors import Conflict, Problem
from stowage_contracts.messages.data_motion import CloneHop
from stowage_contracts.values import ReplicaState
from stowage_runtime.handling.tx import Tx

from image_store.deps import Deps
from image_store.intents.cloning import LONGEST, CloneWork, revoked


async def on_clone_hop(message: CloneHop, tx: Tx, deps: Deps) -> None:
    """Fenced by epoch; said again it tells how it ended, or goes on with what is left to do."""
    await tx.value("lock_ref_of_grant", message.destination.grant.id)
    grant = await tx.row("grant", message.destination.grant.id)
    ref = await tx.row("read_ref", grant["ref_id"]) if grant else None
    if grant is None or ref is None or grant["state"] == "revoked":
        await tx.say(message.failed(_why(ref) or revoked(message).problem))
    elif message.epoch < grant["epoch"]:
        return
    elif ref["state"] == ReplicaState.READY:
        await tx.say(message.committed(ref["digest"]))
    elif ref["state"] != ReplicaState.CREATING:
        await tx.say(message.failed(_why(ref) or _odd(ref)))
    elif grant["state"] == "active":  # else an agent is reading it back
        await tx.run("grant_redeemed", grant["id"], message.epoch, _writer(message), "")
        await tx.intend("clone", CloneWork(order=message), key=message.hop_id, within=LONGEST)


def _writer(message: CloneHop) -> str:
    return f"{message.hop_id}.{message.generation}"


def _why(ref: Record | None) -> Problem | None:
    error = ref["error"] if ref is not None else None
    return Problem.model_validate(error) if error else None


def _odd(ref: Record) -> Problem:
    return Conflict(f"the replica is {ref['state']}", code="state").problem
