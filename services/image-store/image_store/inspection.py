"""Sends stored objects through the gate of an agent, and takes its verdict."""

from datetime import timedelta

from asyncpg import Record
from stowage_contracts.errors import ImageRefused, Problem, Unavailable
from stowage_contracts.messages.hypervisor_agent import HopTicket, InspectObject, ObjectInspected
from stowage_contracts.topology import agent_address
from stowage_contracts.values import GrantRef, HostAbilities, ServiceName, Verdict, new_id
from stowage_runtime.handling.tx import Tx

from image_store.cleaning import intend_delete_bytes
from image_store.deps import Deps
from image_store.ends import image_end
from image_store.replicas import add_grant, fail_replica, ready
from image_store.store import location_of, lock_ref, need, object_of, scope_of


async def inspect(tx: Tx, ref: Record) -> None:
    """Begin an inspection; the sweeper sends it (now) and sends it elsewhere if unanswered."""
    if await tx.row("inspection_of_ref", ref["id"]) is not None:
        return
    grant_id = await add_grant(tx, ref_id=ref["id"], purpose="inspection")
    read_all = ref["digest"] is None
    await tx.run("add_inspection", new_id(), ref["id"], grant_id, ref["digest"], "make", read_all)


async def send_due(tx: Tx, deps: Deps) -> None:
    """Send every inspection that is due to an agent that can judge its format."""
    for inspection in await tx.rows("inspections_due"):
        ref = await _inspected(tx, inspection)
        if inspection["attempts"] >= deps.settings.inspect_attempts:
            await _give_up(tx, inspection, ref)
            continue
        host = await _judge(tx, inspection, ref)
        if host is None:
            await tx.run("inspection_waits", inspection["id"], deps.settings.inspect_seconds)
        else:
            await _send(tx, deps, inspection, host)


async def _inspected(tx: Tx, inspection: Record) -> Record:
    ref = await lock_ref(tx, inspection["ref_id"])
    assert ref is not None  # an inspection goes with its replica
    return ref


async def _give_up(tx: Tx, inspection: Record, ref: Record) -> None:
    last = Problem.model_validate(inspection["error"]) if inspection["error"] else None
    why = f"; the last one that tried said: {last.cause}" if last else ""
    nobody = Unavailable(
        f"no agent judged the stored image{why}",
        code="inspection",
        resource=str(object_of(ref)),
        hint=(last and last.hint) or "bring up an agent that reads this store",
    )
    await _refused(tx, inspection, ref, nobody.problem)


async def _judge(tx: Tx, inspection: Record, ref: Record) -> Record | None:
    """An agent in reach that reads the store and knows the format; untried ones first."""
    store = await need(tx, "store", ref["store_id"])
    able = [host for host in await tx.rows("hosts_up") if _able(host, store, ref)]
    return min(able, key=lambda h: (h["id"] in inspection["tried"], h["id"]), default=None)


def _able(host: Record, store: Record, ref: Record) -> bool:
    can = HostAbilities.model_validate(host["abilities"])
    end = image_end(ref, store, "any")
    sees = "file" not in end.schemes or any(
        end.root == root or end.root.startswith(f"{root.rstrip('/')}/") for root in can.roots
    )
    judges = ref["format"] in can.inspect and bool(set(end.schemes) & set(can.reads))
    return sees and judges and scope_of(store).covers(location_of(host))


async def _send(tx: Tx, deps: Deps, inspection: Record, host: Record) -> None:
    ref = await need(tx, "read_ref", inspection["ref_id"])
    store = await need(tx, "store", ref["store_id"])
    seconds = deps.settings.inspect_seconds
    await tx.run("inspection_sent", inspection["id"], host["id"], seconds)
    grant = GrantRef(id=inspection["grant_id"], owner=ServiceName.IMAGE_STORE)
    expires = tx.now + timedelta(seconds=2 * seconds)
    ticket = HopTicket(
        hop_id=inspection["id"],
        epoch=inspection["attempts"] + 1,
        host_id=host["id"],
        source_grant=grant,
        destination_grant=grant,
        destination_key=ref["install_path"],
        destination_store_id=store["id"],
        expires=expires,
    )
    await tx.say(
        InspectObject(
            inspection_id=inspection["id"],
            host_id=host["id"],
            declared=ref["format"],
            object=image_end(ref, store, grant.id),
            max_virtual_size=deps.settings.max_virtual_size,
            ticket=deps.signer.sign(ticket, expires),
        ),
        to=agent_address(host["id"]),
    )


async def on_object_inspected(message: ObjectInspected, tx: Tx, deps: Deps) -> None:
    """Ready, or refused and deleted; an agent that could not read is replaced at once."""
    inspection = await tx.row("inspection", message.inspection_id)
    if inspection is None or inspection["host_id"] != message.host_id:
        return
    ref = await _inspected(tx, inspection)
    if message.verdict is None:
        error = message.error.model_dump(mode="json") if message.error else None
        await tx.run("inspection_failed", inspection["id"], error)
    elif message.verdict.accepted:
        await _keep(tx, inspection, ref, message.verdict)
        await tx.run("drop_inspection", inspection["id"])
        await ready(tx, ref, message.verdict)
    else:
        await _keep(tx, inspection, ref, message.verdict)
        await _refused(tx, inspection, ref, _problem(message.verdict, ref))


async def _keep(tx: Tx, inspection: Record, ref: Record, verdict: Verdict) -> None:
    await tx.run(
        "add_verdict",
        inspection["digest"],
        verdict.gate_version,
        ref["format"],
        verdict.model_dump(mode="json"),
    )


def _problem(verdict: Verdict, ref: Record) -> Problem:
    return ImageRefused(
        verdict.reason,
        code=verdict.code.removeprefix("image."),
        resource=str(object_of(ref)),
        hint="the image was deleted from the store",
    ).problem


async def _refused(tx: Tx, inspection: Record, ref: Record, problem: Problem) -> None:
    await tx.run("drop_inspection", inspection["id"])
    await intend_delete_bytes(tx, ref)
    await fail_replica(tx, ref, problem)
