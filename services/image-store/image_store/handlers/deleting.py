"""Objects deleted everywhere: hidden at once, forgotten when every store has confirmed."""

from asyncpg import Record
from stowage_contracts.errors import Cancelled
from stowage_contracts.messages.data_motion import CancelCopy
from stowage_contracts.messages.image_store import DeleteSnapshot, DeleteTemplate, DeleteVolume
from stowage_contracts.topology import address
from stowage_contracts.values import ReplicaState, ServiceName
from stowage_runtime.handling.tx import Tx

from image_store.deps import Deps
from image_store.objects.lineage import held_by_children
from image_store.objects.replicas import fail_replica, let_go
from image_store.objects.rows import forget_if_gone
from image_store.store import object_of

_THERE = frozenset({ReplicaState.READY, ReplicaState.FAILED})


async def on_delete(
    message: DeleteTemplate | DeleteVolume | DeleteSnapshot, tx: Tx, deps: Deps
) -> None:
    """Hidden at once; each replica goes when its store has confirmed. One that is not known yet is
    never to be: its registration was overtaken."""
    what = message.object
    row = await tx.row("object", what.noun, what.id)
    if row is None:
        await tx.run("overtake", what.noun, what.id, tx.cause.time if tx.cause else tx.now)
        return
    await tx.run("object_removed", what.noun, what.id)
    if not await held_by_children(tx, row):
        for ref in await tx.rows("refs_of", what.noun, what.id):
            await give_up(ref, tx)
    await forget_if_gone(tx, what)


async def give_up(ref: Record, tx: Tx) -> None:
    """Delete a replica, or make it no further."""
    state = ReplicaState(ref["state"])
    if state is ReplicaState.CREATING:
        for asker in await tx.rows("askers_of", ref["id"]):
            cancel = CancelCopy(copy_id=asker["copy_id"], reason=f"the {ref['noun']} was deleted")
            await tx.say(cancel, to=address(ServiceName.DATA_MOTION))
        waits = await tx.rows("waits_of", ref["id"])
        if waits or await tx.row("ref_of_upload", ref["noun"], ref["object_id"]) is not None:
            gone = Cancelled(f"the {ref['noun']} was deleted", resource=str(object_of(ref)))
            await fail_replica(tx, ref, gone.problem)
    elif state in _THERE:
        await let_go(tx, ref)
