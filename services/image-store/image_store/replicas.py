"""What happens to a replica at the end of its making: ready, failed, revoked."""

from asyncpg import Record
from stowage_contracts.errors import Problem
from stowage_contracts.messages.image_store import (
    CopyRequested,
    ReplicaFailed,
    ReplicaReady,
    TemplateChanged,
)
from stowage_contracts.values import ObjectKind, ReplicaState, StoreRole, Verdict, new_id
from stowage_runtime.handling.tx import Tx

from image_store.cleaning import intend_delete, intend_revoke
from image_store.model import ReplicaEvent
from image_store.store import move, need, object_of, template_view


async def add_grant(tx: Tx, *, ref_id: str | None, template_id: str | None, writes: bool) -> str:
    """A new grant's id; it holds no secret until redeemed."""
    grant_id = new_id()
    await tx.run("add_grant", grant_id, ref_id, template_id, writes)
    return grant_id


async def ask(tx: Tx, ref: Record, request: CopyRequested) -> None:
    """Ask for a replica's bytes, and again until the copy's end is heard."""
    if not request.present:
        await tx.run("asked", request.copy_id, ref["id"], request.model_dump(mode="json"))
    await tx.say(request)


async def ready(tx: Tx, ref: Record, verdict: Verdict | None) -> None:
    """The bytes are there, verified and judged; nobody wants those of a deleted template."""
    await move(tx, ref, ReplicaEvent.OPERATION_SUCCEEDED)
    await tx.run("ref_known", ref["id"], ref["size"], ref["digest"], 0)
    await tx.run("store_filled", ref["store_id"], ref["size"])
    if ref["role"] == StoreRole.IMAGE and await _deleted(tx, ref):
        await destroy(tx, await need(tx, "ref", ref["id"]))
    else:
        await _tell_ready(tx, ref, verdict)
    await say_changed(tx, ref)


async def _tell_ready(tx: Tx, ref: Record, verdict: Verdict | None) -> None:
    if ref["role"] == StoreRole.IMAGE and ref["kind"] != ObjectKind.VOLUME:
        await _learn(tx, ref, verdict)
    await tx.say(
        ReplicaReady(
            object=object_of(ref),
            store_id=ref["store_id"],
            size=ref["size"],
            digest=ref["digest"],
            copy_id=ref["copy_id"],
        )
    )


async def say_changed(tx: Tx, ref: Record) -> None:
    """A template shows its replicas; volumes made of it are none."""
    if ref["kind"] != ObjectKind.VOLUME:
        await tx.say(TemplateChanged(state=await template_view(tx, ref["template_id"])))


async def destroy(tx: Tx, ref: Record) -> None:
    """Delete a replica on an image store; its row goes when the store has confirmed."""
    await move(tx, ref, ReplicaEvent.DESTROY_REQUESTED)
    await intend_delete(tx, ref)


async def _deleted(tx: Tx, ref: Record) -> bool:
    return bool((await need(tx, "template", ref["template_id"]))["removed"])


async def _learn(tx: Tx, ref: Record, verdict: Verdict | None) -> None:
    """An image-store replica is where a template's own size and digest come from."""
    template = await need(tx, "template", ref["template_id"])
    virtual = verdict.virtual_size if verdict else template["virtual_size"]
    await tx.run("template_known", template["id"], ref["size"], virtual, ref["digest"])


async def fail_replica(tx: Tx, ref: Record, problem: Problem) -> None:
    """Give up a replica that was being made; its write is revoked, its reservation freed.

    A template's replica on an image store is kept as Failed with its error, as CloudStack does;
    anything on a primary pool, or of a deleted template, vanishes.
    """
    if ref["state"] not in {ReplicaState.ALLOCATED, ReplicaState.CREATING}:
        return
    await _revoke_writes(tx, ref)
    await tx.run("answered", ref["id"])
    if ref["role"] == StoreRole.IMAGE and not await _deleted(tx, ref):
        await _keep_failed(tx, ref, problem.model_dump(mode="json"))
    else:
        await tx.run("drop_ref", ref["id"])
    await tx.say(
        ReplicaFailed(
            object=object_of(ref), store_id=ref["store_id"], copy_id=ref["copy_id"], error=problem
        )
    )
    await say_changed(tx, ref)


async def _keep_failed(tx: Tx, ref: Record, error: dict[str, object]) -> None:
    await move(tx, ref, ReplicaEvent.OPERATION_FAILED)
    again = await need(tx, "ref", ref["id"])
    if again["state"] == ReplicaState.ALLOCATED:
        await move(tx, again, ReplicaEvent.OPERATION_FAILED)
    await tx.run("ref_failed", ref["id"], error)
    template = await need(tx, "template", ref["template_id"])
    if template["digest"] is None:
        await tx.run("template_failed", template["id"], error)


async def _revoke_writes(tx: Tx, ref: Record) -> None:
    grant = await tx.row("write_grant_of", ref["id"])
    if grant is None or not await tx.run("grant_state", grant["id"], "revoked"):
        return
    if grant["writer"] and ref["role"] == StoreRole.IMAGE:
        await intend_revoke(tx, ref, grant)
