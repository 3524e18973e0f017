"""Keeps every object's replicas as wished: made from a sibling, mended, trimmed, moved."""

from collections.abc import Sequence
from typing import Any

from asyncpg import Record
from stowage_contracts.errors import Problem, StowageError
from stowage_contracts.messages.image_store import CopyRequested
from stowage_contracts.plugins.image_store_driver import DriverAbilities
from stowage_contracts.values import Location, ReplicaState, Scope, StoreRole, StoreState, new_id
from stowage_runtime.handling.tx import Tx

from image_store.deps import Deps
from image_store.ends import image_end
from image_store.keeping.placing import store_for, wish_of
from image_store.keeping.reserving import check_account
from image_store.model.desired import Decision, Desired, Held, Need, decide
from image_store.objects.leaves import has_leaves
from image_store.objects.replicas import add_grant, ask, destroy
from image_store.objects.rows import add_image_ref, mind, patience
from image_store.store import need, reference, scope_of
from image_store.views import say_changed, scope_of_object


async def keep(tx: Tx, deps: Deps) -> None:
    """Look at the objects that are due."""
    for row in await tx.rows("objects_due"):
        await tx.run("object_due", row["noun"], row["id"], deps.settings.keep_seconds)
        if not row["removed"] and row["digest"] and row["origin"] != "pool":
            await _keep(tx, row, deps)


async def _keep(tx: Tx, row: Record, deps: Deps) -> None:
    held = await held_of(tx, row)
    decision = decide(await desired_of(tx, row), held)
    problem = await _make(tx, row, decision, deps)
    for ref_id in decision.drop:
        await destroy(tx, await need(tx, "ref", ref_id))
    if problem or decision != Decision():
        await tx.run("object_again", row["noun"], row["id"], patience(row["attempts"] + 1))
    clearing = any(one.state is ReplicaState.DESTROYING for one in held)
    if decision == Decision() or (problem and not clearing):
        await _tell(tx, row, problem)
    if decision != Decision():
        await say_changed(tx, reference(row))


async def _tell(tx: Tx, row: Record, problem: Problem | None) -> None:
    """What stands between an object and what is wished for it is its error, until it is as wished
    or something else stands there."""
    told = problem.model_dump(mode="json") if problem else None
    if told != row["error"]:
        await tx.run("object_failed", row["noun"], row["id"], told)
        await say_changed(tx, reference(row))


async def _make(tx: Tx, row: Record, decision: Decision, deps: Deps) -> Problem | None:
    """Begin every replica that is needed; the first reason why one can't be, if any."""
    problem: Problem | None = None
    for one in decision.make:
        try:
            await _begin(tx, row, one, deps)
        except StowageError as error:
            problem = problem or error.problem
    return problem


async def _begin(tx: Tx, row: Record, one: Need, deps: Deps) -> None:
    store = await place(tx, row, one, deps)
    source = await _sibling(tx, row, store)
    if not await tx.value("owed_a_replica", row["noun"], row["id"]):
        await check_account(tx, row["account_id"], row["size"])
    copy_id = new_id()
    ref = await add_image_ref(tx, row, store, copy_id)
    await tx.run("reserve", ref["id"], row["size"])
    read = await add_grant(tx, ref_id=source["id"], for_ref=ref["id"])
    write = await add_grant(tx, ref_id=ref["id"], writes=True)
    request = CopyRequested(
        copy_id=copy_id,
        account_id=row["account_id"],
        source=image_end(source, await need(tx, "store", source["store_id"]), read),
        destination=image_end(ref, store, write),
        size=source["size"],
        digest=source["digest"],
        location=Location(zone_id=scope_of(store).zone_id),
        leaves=await has_leaves(tx, source["size"], source["digest"]),
    )
    await ask(tx, ref, request)


async def place(tx: Tx, row: Record, one: Need, deps: Deps) -> Record:
    """The store for a replica that an object needs; raises what placement raises."""
    taken = {ref["store_id"] for ref in await tx.rows("replicas_of", row["noun"], row["id"])}
    return await store_for(tx, wish_of(row, one.store_ids, scope=one.scope), deps, taken)


async def _sibling(tx: Tx, row: Record, store: Record) -> Record:
    """A good replica to copy from: near first, the others by turns after failures."""
    good: list[tuple[int, str, Record]] = []
    for ref in await tx.rows("replicas_of", row["noun"], row["id"]):
        if ref["state"] == ReplicaState.READY and ref["role"] == StoreRole.IMAGE:
            there = await need(tx, "store", ref["store_id"])
            if StoreState(there["state"]).readable:
                good.append((_distance(there, store), ref["id"], ref))
    ordered = sorted(good, key=lambda one: one[:2])
    turn: Record = ordered[row["attempts"] % len(ordered)][2]
    return turn


def _distance(one: Record, other: Record) -> int:
    """Stores of one server come first, which copies by itself; an object store is near to
    everything, files are to their own zone."""
    here, there = (DriverAbilities.model_validate(each["abilities"]) for each in (one, other))
    if here.server and here.server == there.server:
        return 0
    return 1 if "file" not in here.schemes or one["zone_id"] == other["zone_id"] else 2


async def held_of(tx: Tx, row: Record) -> list[Held]:
    """An object's replicas on image stores as the rules see them."""
    stores = {s["id"]: s for s in await tx.rows("stores_of", row["noun"], row["id"])}
    return [
        _held(ref, stores[ref["store_id"]])
        for ref in await tx.rows("refs_of", row["noun"], row["id"])
        if ref["role"] == StoreRole.IMAGE
    ]


def _held(ref: Record, store: Record) -> Held:
    emptied: dict[str, Any] = store["evacuation"] or {}
    return Held(
        ref_id=ref["id"],
        store_id=ref["store_id"],
        state=ReplicaState(ref["state"]),
        scope=scope_of(store),
        readable=StoreState(store["state"]).readable,
        leaving=bool(emptied) or ref["moves_to"] is not None,
        to=tuple(ref["moves_to"] or emptied.get("to_store_ids", ())),
        keeps="cache" in emptied,
    )


async def desired_of(
    tx: Tx, row: Record, without: Sequence[str] = (), leaving: Sequence[str] = ()
) -> Desired:
    """What is wished for an object; stores that are being emptied or are gone are not, nor, for
    a region-wide one, zones with only such stores; ``leaving`` are seen as being emptied too."""
    zones = row["zones"]
    if scope_of_object(row) == Scope.region():
        zones = [zone["id"] for zone in await tx.rows("zones_with_stores", list(leaving))]
    stores = await tx.rows("stores_wanted", row["wanted_stores"])
    return Desired(
        zones=tuple(zones),
        min_copies=row["min_copies"],
        max_copies=row["max_copies"],
        stores=tuple(store["id"] for store in stores if store["id"] not in without),
    )


async def mind_store(tx: Tx, store_id: str) -> None:
    """Have every object with a replica on a store looked at."""
    for row in await tx.rows("lock_objects_on", store_id):
        await mind(tx, reference(row))


async def mind_region(tx: Tx) -> None:
    """Have every region-wide object looked at: a zone or a store came."""
    await tx.run("region_due")
