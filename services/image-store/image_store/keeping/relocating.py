"""Objects moved off a store that stays: planned, marked, then the keeper's work."""

from collections.abc import Sequence

from asyncpg import Record
from stowage_contracts.catalogue import PlannedMove
from stowage_contracts.errors import InvalidInput
from stowage_contracts.messages.image_store import MoveReplicas, MovesPlanned, PlanMoves
from stowage_contracts.values import Id, ObjectKind, ObjectRef, ReplicaState, StoreRole
from stowage_runtime.handling.tx import Tx
from stowage_runtime.service import Desk

from image_store.deps import Deps
from image_store.model.balancing import Fill, even_out
from image_store.objects.rows import mind
from image_store.store import need, object_of

_MOST = 1000


async def on_move_replicas(message: MoveReplicas, tx: Tx, deps: Deps) -> None:
    """Mark what is there and good; the keeper makes it elsewhere first and then drops it here."""
    targets = list(message.to_store_ids) or None
    for what in await _with_chains(message.store_id, message.objects, tx):
        if await tx.row("object", what.noun, what.id) is None:
            continue
        if await tx.run("move_off", what.noun, what.id, message.store_id, targets):
            if targets:
                await tx.run("unwant_store", message.store_id, what.noun, what.id)
            await mind(tx, what)


async def _with_chains(
    store_id: str, objects: Sequence[ObjectRef], tx: Tx
) -> tuple[ObjectRef, ...]:
    """The objects, and of snapshots all on the store that they stand on or that stand on them."""
    found = dict.fromkeys(objects)
    for what in objects:
        if what.kind is ObjectKind.SNAPSHOT:
            chain = await tx.rows("chain_on_store", what.id, store_id)
            found |= dict.fromkeys(
                ObjectRef(kind=ObjectKind.SNAPSHOT, id=row["id"]) for row in chain
            )
    return tuple(found)


async def on_plan_moves(message: PlanMoves, desk: Desk, deps: Deps) -> MovesPlanned:
    """As things are now; nothing is changed."""
    async with desk.transaction() as tx:
        store = await need(tx, "store", message.store_id)
        if store["role"] != StoreRole.IMAGE:
            raise InvalidInput("objects are moved between image stores", code="role")
        if message.objects:
            moves = await _named(message, tx)
        else:
            moves = await _evening(store, message.to_store_ids, tx)
    return MovesPlanned(store_id=store["id"], moves=tuple(moves[:_MOST]))


async def _named(message: PlanMoves, tx: Tx) -> list[PlannedMove]:
    only = message.to_store_ids[0] if len(message.to_store_ids) == 1 else None
    found = []
    for what in await _with_chains(message.store_id, message.objects, tx):
        ref = await tx.row("ref_on", what.noun, what.id, message.store_id)
        there = ref is not None and ref["state"] == ReplicaState.READY
        move = PlannedMove(
            object=what,
            size=(ref["size"] if ref else None) or 0,
            to_store_id=only,
            possible=there,
            reason="it is there" if there else "it is not Ready on that store",
        )
        found.append(move)
    return found


async def _evening(store: Record, others: Sequence[Id], tx: Tx) -> list[PlannedMove]:
    rows = {row["id"]: row for row in await tx.rows("alone_on_store", store["id"])}
    fills = [_fill(await need(tx, "filled_store", key)) for key in (store["id"], *others)]
    moves = even_out(fills[0], fills[1:], [(key, row["size"]) for key, row in rows.items()])
    return [
        PlannedMove(
            object=object_of(rows[key]),
            size=rows[key]["size"],
            to_store_id=to,
            possible=True,
            reason="it evens out how full they are",
        )
        for key, to in moves
    ]


def _fill(row: Record) -> Fill:
    return Fill(row["id"], row["used"], row["total_bytes"])
