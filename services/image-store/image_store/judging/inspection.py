"""Sends stored objects through the gate of an agent, and takes its verdict."""

from datetime import timedelta

from asyncpg import Record
from stowage_contracts.errors import Problem, Unavailable
from stowage_contracts.hosts import HostAbilities
from stowage_contracts.messages.hypervisor_agent import HopTicket, InspectObject
from stowage_contracts.topology import agent_address
from stowage_contracts.values import GrantRef, ServiceName, new_id
from stowage_runtime.handling.tx import Tx

from image_store.deps import Deps
from image_store.ends import image_end
from image_store.intents.cleaning import intend_delete_bytes
from image_store.judging.reaching import opens
from image_store.objects.replicas import add_grant, fail_replica
from image_store.store import lock_ref, need, object_of, object_row

_READINGS = 2
"""Whole objects an agent is given to read: one it reads, one that waits."""
_SLOWEST = 8 << 20
"""Bytes a second below which another agent is asked."""


async def inspect(tx: Tx, ref: Record) -> None:
    """Send a replica that is being made through the gate; all of it if no agent told a digest."""
    await _begin(tx, ref, "make", read_all=ref["digest"] is None)


async def verify(tx: Tx, ref: Record) -> None:
    """Read a finished replica again, whole."""
    await _begin(tx, ref, "verify", read_all=True)


async def adopt(tx: Tx, ref: Record) -> None:
    """Read a found object, whole, against its manifest; its bytes stay whatever is found."""
    await _begin(tx, ref, "adopt", read_all=True)


async def _begin(tx: Tx, ref: Record, purpose: str, *, read_all: bool) -> None:
    """The sweeper sends it (now) and sends it elsewhere if unanswered."""
    if await tx.row("inspection_of_ref", ref["id"]) is not None:
        return
    grant_id = await add_grant(tx, ref_id=ref["id"], purpose="inspection")
    row = (new_id(), ref["id"], grant_id, ref["digest"], purpose, read_all)
    await tx.run("add_inspection", *row)


async def send_due(tx: Tx, deps: Deps) -> None:
    """Send every inspection that is due to an agent that can judge its format."""
    for inspection in await tx.rows("inspections_due"):
        ref = await inspected(tx, inspection)
        if inspection["attempts"] >= deps.settings.inspect_attempts:
            await _give_up(tx, inspection, ref)
        else:
            await _find_judge(tx, deps, inspection, ref)


async def _find_judge(tx: Tx, deps: Deps, inspection: Record, ref: Record) -> None:
    able = await _judges(tx, inspection, ref)
    free = await _free(tx, able) if inspection["read_all"] else able
    if free:
        await _send(tx, deps, inspection, free[0])
    elif able:  # waiting its turn is no attempt
        await tx.run("inspection_queued", inspection["id"])
    else:
        await tx.run("inspection_waits", inspection["id"], deps.settings.inspect_seconds)


async def inspected(tx: Tx, inspection: Record) -> Record:
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
    if inspection["purpose"] == "verify":
        await tx.run("drop_inspection", inspection["id"])
        await tx.run("verified_later", ref["id"])
    else:
        await refused(tx, inspection, ref, nobody.problem)


async def _judges(tx: Tx, inspection: Record, ref: Record) -> list[Record]:
    """Agents in reach that read the store and know the format; untried ones first."""
    store = await need(tx, "store", ref["store_id"])
    able = [host for host in await tx.rows("hosts_up") if _able(host, store, ref)]
    return sorted(able, key=lambda host: (host["id"] in inspection["tried"], host["id"]))


async def _free(tx: Tx, able: list[Record]) -> list[Record]:
    """Those that have not enough to read already: an agent reads one object at a time."""
    busy = {row["host_id"]: row["reading"] for row in await tx.rows("hosts_reading")}
    return [host for host in able if busy.get(host["id"], 0) < _READINGS]


def _able(host: Record, store: Record, ref: Record) -> bool:
    if host["drain"]:
        return False
    can = HostAbilities.model_validate(host["abilities"])
    return ref["format"] in can.inspect and opens(host, store)


async def _send(tx: Tx, deps: Deps, inspection: Record, host: Record) -> None:
    ref = await need(tx, "read_ref", inspection["ref_id"])
    store = await need(tx, "store", ref["store_id"])
    seconds = deps.settings.inspect_seconds + _reading_seconds(inspection, ref)
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
            read_all=inspection["read_all"],
            checksum=await checksum_of(tx, inspection, ref),
            ticket=deps.signer.sign(ticket, expires),
        ),
        to=agent_address(host["id"]),
    )


def _reading_seconds(inspection: Record, ref: Record) -> float:
    """How long a whole object may take to be read, behind another of its size."""
    return 2 * (ref["size"] or 0) / _SLOWEST if inspection["read_all"] else 0.0


async def checksum_of(tx: Tx, inspection: Record, ref: Record) -> str | None:
    """What its owner declared of bytes that no agent has read before."""
    if not inspection["read_all"] or inspection["purpose"] != "make":
        return None
    row = await object_row(tx, ref)
    return row["checksum"] if row["digest"] is None else None


async def refused(tx: Tx, inspection: Record, ref: Record, problem: Problem) -> None:
    await tx.run("drop_inspection", inspection["id"])
    if inspection["purpose"] == "adopt":
        await tx.run("ref_known", ref["id"], ref["size"], None, 0)  # nobody has vouched for it
    else:
        await intend_delete_bytes(tx, ref)
    await fail_replica(tx, ref, problem)
