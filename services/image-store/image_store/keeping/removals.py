"""Replicas on primary pools are deleted by the agents that alone see them, until they confirm."""

from datetime import timedelta

from stowage_contracts.messages.hypervisor_agent import ObjectRemoved, RemoveObject
from stowage_contracts.topology import agent_address
from stowage_runtime.handling.tx import Tx

from image_store.deps import Deps
from image_store.model.states import ReplicaEvent
from image_store.objects.rows import ref_gone
from image_store.store import lock_ref, move, object_of
from image_store.views import say_changed

_AGAIN, _LONGEST = 30.0, 600.0
"""Seconds after which an unconfirmed removal is sent again, more each time."""
_LIFE = timedelta(minutes=5)


async def send_removals(tx: Tx, deps: Deps) -> None:
    """Send what is due; what is read, stood on or beyond a silent host waits."""
    for removal in await tx.rows("removals_due"):
        again = min(_LONGEST, _AGAIN * 2 ** min(removal["attempts"], 10))
        await tx.run("removal_sent", removal["id"], again)
        order = RemoveObject(
            removal_id=removal["id"],
            host_id=removal["host_id"],
            store_id=removal["store_id"],
            key=removal["key"],
            expires=tx.now + _LIFE,
        )
        await tx.say(order, to=agent_address(removal["host_id"]))


async def on_object_removed(message: ObjectRemoved, tx: Tx, deps: Deps) -> None:
    """The replica is forgotten; one that could not be deleted says why, and is tried again."""
    removal = await tx.row("removal", message.removal_id)
    if removal is None or removal["host_id"] != message.host_id:
        return
    ref = await lock_ref(tx, removal["ref_id"])
    if ref is None:
        return
    if message.error is None:
        await move(tx, ref, ReplicaEvent.OPERATION_SUCCEEDED)
        await ref_gone(tx, ref)
    else:
        await tx.run("ref_failed", ref["id"], message.error.model_dump(mode="json"))
        await say_changed(tx, object_of(ref))
