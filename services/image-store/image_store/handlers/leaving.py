"""An object that is wanted in one zone less."""

from asyncpg import Record
from stowage_contracts.errors import Conflict, NotFound, StowageError
from stowage_contracts.messages.image_store import LeaveZone
from stowage_contracts.values import ReplicaState, Scope, ScopeType
from stowage_runtime.handling.tx import Tx

from image_store.deps import Deps
from image_store.handlers.deleting import give_up
from image_store.intents.noting import note_all
from image_store.keeping.keeper import held_of
from image_store.model.desired import Held
from image_store.model.rooms import reaches
from image_store.objects.rows import mind
from image_store.store import need
from image_store.views import say_changed, tell_trouble

_THERE = frozenset(
    {ReplicaState.ALLOCATED, ReplicaState.CREATING, ReplicaState.READY, ReplicaState.FAILED}
)


async def on_leave_zone(message: LeaveZone, tx: Tx, deps: Deps) -> None:
    """Replicas that reach no other zone it is wanted in go, once those that stay are good."""
    row = await tx.row("object", message.object.noun, message.object.id)
    if row is None or row["removed"]:
        return
    try:
        gone = _leaving(message, row, await held_of(tx, row))
    except StowageError as error:
        await tell_trouble(tx, message.object, error)
        return
    await tx.run("drop_object_zone", row["noun"], row["id"], message.zone_id)
    for one in gone:
        await tx.run("unwant_store", one.store_id, row["noun"], row["id"])
        await give_up(await need(tx, "ref", one.ref_id), tx)
    await note_all(tx, message.object)
    await mind(tx, message.object)
    await say_changed(tx, message.object)


def _leaving(message: LeaveZone, row: Record, held: list[Held]) -> list[Held]:
    """The replicas that go; raises NotFound, Conflict."""
    where = f"zone/{message.zone_id}"
    if row["scope_type"] == ScopeType.REGION or message.zone_id not in row["zones"]:
        raise NotFound("the object is not in that zone by itself", resource=where)
    rest = [Scope.zone(zone) for zone in row["zones"] if zone != message.zone_id]
    if not rest:
        raise Conflict(
            "it is in no other zone", resource=where, code="last_zone", hint="delete it instead"
        )
    staying = [one for one in held if any(reaches(one.scope, zone) for zone in rest)]
    gone = [one for one in held if one not in staying and one.state in _THERE]
    if any(one.good for one in gone) and not any(one.good for one in staying):
        raise Conflict(
            "the only good replica is there",
            resource=where,
            code="last_replica",
            hint="wait until it is ready in another zone",
        )
    return gone
