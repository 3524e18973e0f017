"""Secondary storage data on the move: whole stores, shares of them, or named objects."""

from collections.abc import Iterable, Mapping
from typing import Any

from stowage_contracts.catalogue import PlannedMove
from stowage_contracts.errors import Conflict, NotFound, Problem
from stowage_contracts.messages.image_store import (
    EvacuateStore,
    MoveReplicas,
    MovesPlanned,
    PlanMoves,
)
from stowage_contracts.values import ObjectRef, ReplicaState, StoreRole, StoreState, new_id
from stowage_runtime.handling.tx import Tx
from stowage_runtime.service import Desk

from api_gateway.cloudstack.answers import Answer, fitted
from api_gateway.cloudstack.asks import Ask
from api_gateway.cloudstack.command import Command
from api_gateway.cloudstack.errors import INTERNAL, PARAMETER, Refused
from api_gateway.cloudstack.jobs import Ended, Job, start
from api_gateway.deps import Deps
from api_gateway.orders import IMAGE_STORE
from api_gateway.orders import ask as ask_owner

PATIENCE_SECONDS = 60.0
"""What stands in the way of what is to move is told only then: it may be older than the wish."""
_SHOWN = 20
_ON_THE_WAY = frozenset({ReplicaState.ALLOCATED, ReplicaState.CREATING})
State = Mapping[str, Any]


async def migrate_data(ask: Ask) -> Answer:
    """Move all of an image store, or what evens it out, to others; not only of NFS."""
    policy = ask.text("migrationtype", "complete").upper()
    if policy not in ("COMPLETE", "BALANCE"):
        raise Refused(INTERNAL, "migrationtype is balance or complete")
    async with ask.desk.transaction() as tx:
        source = await _image_store(ask, "srcpool", tx)
        named = [key for key in dict.fromkeys(ask.items("destpools")) if key != source["id"]]
        targets = [key for key in named if await _takes(key, tx)]
    if not targets:
        raise Refused(INTERNAL, "no destination is an image store that may be written to")
    if policy == "BALANCE":
        question = PlanMoves(store_id=source["id"], to_store_ids=tuple(targets))
        plan = await ask_owner(ask.desk, question, MovesPlanned)
        return await _moved(ask, plan.moves, targets, policy)
    evacuation_id = new_id()
    order = EvacuateStore(
        store_id=source["id"], to_store_ids=tuple(targets), evacuation_id=evacuation_id
    )
    before = (source["evacuated"] or {}).get("id") or ""
    async with ask.desk.transaction() as tx:
        await tx.say(order, to=IMAGE_STORE)
        facts = {"policy": policy, "evacuation_id": evacuation_id, "before": before}
        return await start(ask, tx, "store", source["id"], **facts)


async def migrate_resources(ask: Ask) -> Answer:
    """Move templates and whole chains of snapshots from one image store to another."""
    async with ask.desk.transaction() as tx:
        source = await _image_store(ask, "srcpool", tx)
        target = await _image_store(ask, "destpool", tx)
        _check_pair(source, target)
        named = [*await _named(ask, "templates", tx), *await _named(ask, "snapshots", tx)]
    if not named:
        raise Refused(PARAMETER, "name templates or snapshots to migrate")
    question = PlanMoves(store_id=source["id"], to_store_ids=(target["id"],), objects=tuple(named))
    plan = await ask_owner(ask.desk, question, MovesPlanned)
    absent = [str(move.object) for move in plan.moves if not move.possible]
    if absent:
        raise Refused(PARAMETER, f"not Ready on {source['name']}: {', '.join(absent[:_SHOWN])}")
    return await _moved(ask, plan.moves, [target["id"]], "")


async def _image_store(ask: Ask, name: str, tx: Tx) -> dict[str, Any]:
    state = await ask.entity(name, "store", tx)
    if state["role"] != StoreRole.IMAGE:
        raise Refused(INTERNAL, f"{state['id']} is no image store")
    if name == "srcpool" and state["evacuation"]:
        raise Refused(PARAMETER, f"{state['name']} is being emptied already")
    if name == "srcpool" and not StoreState(state["state"]).readable:
        raise Refused(PARAMETER, f"{state['name']} is {state['state']}: nothing is read from it")
    return state


async def _takes(store_id: str, tx: Tx) -> bool:
    """Whether it is an image store that may be written to."""
    row = await tx.row("resource", "store", store_id)
    if row is None or row["removed"] or row["state"]["role"] != StoreRole.IMAGE:
        return False
    return StoreState(row["state"]["state"]).writable


def _check_pair(source: State, target: State) -> None:
    if source["id"] == target["id"]:
        raise Refused(PARAMETER, "source and destination are the same image store")
    if not StoreState(target["state"]).writable:
        raise Refused(PARAMETER, f"{target['name']} may not be written to: {target['state']}")
    zones = {state["scope"]["zone_id"] for state in (source, target)} - {None}
    if len(zones) > 1:
        raise Refused(PARAMETER, "source and destination are in different zones")


async def _named(ask: Ask, name: str, tx: Tx) -> list[ObjectRef]:
    noun = name.removesuffix("s")
    found = [await ask.known(noun, key, name, tx) for key in dict.fromkeys(ask.items(name))]
    return [ObjectRef(kind=state["kind"], id=state["id"]) for state in found]


async def _moved(ask: Ask, moves: Iterable[PlannedMove], targets: list[str], policy: str) -> Answer:
    """Every object goes to the store that was planned for it."""
    source, objects = ask.text("srcpool"), [move.object for move in moves]
    by_target: dict[tuple[str, ...], list[ObjectRef]] = {}
    for move in moves:
        where = (move.to_store_id,) if move.to_store_id else tuple(targets)
        by_target.setdefault(where, []).append(move.object)
    async with ask.desk.transaction() as tx:
        for where, some in by_target.items():
            order = MoveReplicas(store_id=source, objects=tuple(some), to_store_ids=where)
            await tx.say(order, to=IMAGE_STORE)
        told = [what.model_dump(mode="json") for what in objects]
        return await start(ask, tx, "store", source, policy=policy, objects=told)


async def when_emptied(job: Job, tx: Tx) -> Ended | None:
    """Its evacuation ended; or all that is left cannot leave."""
    if "evacuation_id" not in job.facts:
        return await _when_gone(job, tx)
    row = await tx.row("resource", job.noun, job.subject_id)
    if row is None or row["removed"] or row["state"]["state"] == StoreState.REMOVED:
        return Ended()
    state, asked = row["state"], job.facts["evacuation_id"]
    last = state["evacuated"] or {}
    if last.get("id") == asked:
        stopped = Conflict("it was stopped before all had left", code="stopped")
        return Ended(None if last["empty"] else stopped)
    going = state["evacuation"] or {}
    if going.get("id", asked) != asked or last.get("id") not in (None, job.facts["before"]):
        return Ended(Conflict("another evacuation took its place", code="overtaken"))
    blocked = going.get("blockers", ())
    if _patient(job, tx) and blocked and len(blocked) >= min(going["objects_left"], _SHOWN):
        return Ended(_stuck(going["objects_left"], blocked[0]))
    return None


async def _when_gone(job: Job, tx: Tx) -> Ended | None:
    """None of its objects is on the store any more; or all that still are cannot leave."""
    objects = [ObjectRef.model_validate(raw) for raw in job.facts["objects"]]
    nouns, keys = [what.noun for what in objects], [what.id for what in objects]
    rows = await tx.rows("states_of_objects", nouns, keys)
    left = [row["state"] for row in rows if _is_there(row["state"], job.subject_id)]
    if not left:
        return Ended()
    stuck = [state for state in left if _is_stuck(state)]
    if not _patient(job, tx) or len(stuck) < len(left):
        return None
    stay = [what for what in objects if what.id in {state["id"] for state in left}]
    order = MoveReplicas(store_id=job.subject_id, objects=tuple(stay), to_store_ids=())
    await tx.say(order, to=IMAGE_STORE)
    return Ended(_stuck(len(left), stuck[0]["error"]))


def _is_there(state: State, store_id: str) -> bool:
    return any(replica["store_id"] == store_id for replica in state["replicas"])


def _is_stuck(state: State) -> bool:
    going = any(replica["state"] in _ON_THE_WAY for replica in state["replicas"])
    return bool(state["error"]) and not going


def _patient(job: Job, tx: Tx) -> bool:
    return (tx.now - job.created).total_seconds() > PATIENCE_SECONDS


def _stuck(count: int, first: Mapping[str, Any]) -> Conflict:
    problem = Problem.model_validate(first)
    told = f"{count} objects cannot leave the store, the first: {problem.cause}"
    return Conflict(told, resource=problem.resource, code="stuck", hint=problem.hint)


async def migrated(job: Job, desk: Desk, deps: Deps) -> Mapping[str, Any]:
    """MigrationResponse."""
    async with desk.transaction() as tx:
        row = await tx.row("resource", job.noun, job.subject_id)
    if row is None:
        raise NotFound("the image store is forgotten", resource=f"store/{job.subject_id}")
    name, objects = row["state"]["name"], job.facts.get("objects")
    what = "everything" if objects is None else f"{len(objects)} objects"
    told = {
        "message": f"{what} moved off {name}",
        "migrationtype": job.facts["policy"] or None,
        "success": True,
    }
    return {"imagestore": fitted(told, "MigrationResponse")}


COMMANDS = (
    Command(
        "migrateSecondaryStorageData",
        migrate_data,
        follow=when_emptied,
        result=migrated,
        missing="a balance moves at most a thousand objects, and no snapshots that stand on others",
    ),
    Command(
        "migrateResourceToAnotherSecondaryStorage",
        migrate_resources,
        follow=when_emptied,
        result=migrated,
    ),
)
