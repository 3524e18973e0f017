"""ReserveCache: space (or a ready entry) for a copy, promised before a byte is written."""

from asyncpg import Record
from stowage_contracts.messages.cache_autoscaler import CacheAnswer, CacheReserved, ReserveCache
from stowage_contracts.values import StoreState, new_id
from stowage_runtime.handling.tx import Tx
from stowage_runtime.service import Desk

from cache_autoscaler import metrics
from cache_autoscaler.awaiting import WAIT_SECONDS, awaited
from cache_autoscaler.deciding import decide
from cache_autoscaler.deps import Deps
from cache_autoscaler.intents import evict
from cache_autoscaler.model.entries import EntryState
from cache_autoscaler.model.evicting import Why
from cache_autoscaler.model.placing import Placement, Wanted, place
from cache_autoscaler.store import cache_end, caches, lock_stores, need, say_changed, whole


async def on_reserve_cache(message: ReserveCache, desk: Desk, deps: Deps) -> CacheReserved:
    """One at a time, so that every reservation sees the others; asked again, the same answer."""
    async with desk.transaction() as tx:
        await lock_stores(tx)
        for store_id in message.avoid:
            await _let_go(message.copy_id, store_id, tx)
        kept = await _kept(message, tx)
        if kept is None:
            return await _answer(message, await _place(message, tx, deps), tx, deps)
        await _hold(message, kept["id"], tx)
        ready = kept["state"] == EntryState.READY
        return await _with_ends(
            CacheReserved(
                copy_id=message.copy_id,
                answer=CacheAnswer.READY if ready else CacheAnswer.FILL,
                reason="held for this copy",
            ),
            await _pinned(message, kept["id"], tx, deps),
            tx,
        )


async def _place(message: ReserveCache, tx: Tx, deps: Deps) -> Placement:
    """Sums and what is there of the object suffice, until something has to go."""
    wanted = await _wanted(message, tx)
    known = await caches(tx, deps.settings, (message.digest, message.format))
    placed = place(wanted, known, deps.selector, tx.now)
    if not placed.part_of:
        return placed
    fuller = [await whole(tx, c) if c.view.id == placed.part_of else c for c in known]
    return place(wanted, fuller, deps.selector, tx.now)


async def _wanted(message: ReserveCache, tx: Tx) -> Wanted:
    damages = await tx.rows("damages", message.digest, message.format)
    return Wanted(
        copy_id=message.copy_id,
        digest=message.digest,
        format=message.format,
        size=message.size,
        location=message.location,
        schemes=message.schemes,
        roots=await _roots(message, tx),
        avoid=message.avoid,
        damages={row["store_id"]: row["times"] for row in damages},
    )


async def _let_go(copy_id: str, store_id: str, tx: Tx) -> None:
    """A copy failed on a store: what it filled there is dropped, what it read is not its any
    more."""
    for entry in await tx.rows("pinned_on", copy_id, store_id):
        await tx.run("unpin", entry["id"], copy_id)
        if entry["state"] in (EntryState.RESERVED, EntryState.FILLING):
            reason = f"copy {copy_id}, which filled it, went to another cache"
            await evict(tx, entry["id"], Why.UNFILLED, reason)


async def _kept(message: ReserveCache, tx: Tx) -> Record | None:
    """What this copy was given before and still holds, on a store that works."""
    entry_id = await tx.value("pin_of", message.copy_id)
    entry = await tx.row("entry", entry_id) if entry_id else None
    if entry is None or (entry["digest"], entry["format"]) != (message.digest, message.format):
        return None
    store = await need(tx, "store", entry["store_id"])
    if store["state"] == StoreState.DEGRADED:
        await _let_go(message.copy_id, entry["store_id"], tx)
        return None
    return entry


async def _roots(message: ReserveCache, tx: Tx) -> tuple[str, ...] | None:
    host_id = message.location.host_id
    known = await tx.value("host_roots", host_id) if host_id else None
    return None if known is None else tuple(known)


async def _answer(message: ReserveCache, placed: Placement, tx: Tx, deps: Deps) -> CacheReserved:
    coming = "" if placed.useless is None else await awaited(message, placed.useless, tx)
    answer = CacheAnswer.WAIT if coming else placed.answer
    reply = CacheReserved(
        copy_id=message.copy_id,
        answer=answer,
        reason=coming or placed.reason,
        entry_id=placed.entry_id,
    )
    subject = f"copy/{message.copy_id}"
    if await decide(tx, answer, subject, reply.reason, **placed.details):
        metrics.answered(answer)
    if answer is CacheAnswer.NONE or coming:
        return reply
    why = f"room for copy {message.copy_id}"
    if placed.why is Why.MARK:
        why = f"copy {message.copy_id} brings its cache above the high-water mark"
    for entry_id in placed.evict:
        await evict(tx, entry_id, placed.why, why)
    assert placed.store_id is not None
    if answer is CacheAnswer.WAIT:
        await tx.run("wait", message.copy_id, placed.store_id, message.size, WAIT_SECONDS)
        return reply
    return await _promised(reply, message, placed, (tx, deps))


async def _promised(
    reply: CacheReserved, message: ReserveCache, placed: Placement, at: tuple[Tx, Deps]
) -> CacheReserved:
    tx, deps = at
    entry_id = placed.entry_id or await _new_entry(message, placed, tx)
    entry = await _pinned(message, entry_id, tx, deps)
    await tx.run("stop_waiting", message.copy_id)
    if placed.answer is CacheAnswer.READY:
        await tx.run("entry_used", entry_id)
    await _hold(message, entry_id, tx)
    return await _with_ends(reply, entry, tx)


async def _pinned(message: ReserveCache, entry_id: str, tx: Tx, deps: Deps) -> Record:
    await tx.run("pin", entry_id, message.copy_id, deps.settings.cache_pin_seconds)
    return await need(tx, "entry", entry_id)


async def _hold(message: ReserveCache, entry_id: str, tx: Tx) -> None:
    if message.hold_seconds > 0:
        await tx.run("entry_wanted_for", entry_id, message.hold_seconds)


async def _new_entry(message: ReserveCache, placed: Placement, tx: Tx) -> str:
    entry_id = new_id()
    name = message.digest.rpartition(":")[2]
    if await tx.value("lost_lately", message.digest, message.format):
        metrics.REFILLS.add(1)
    await tx.run(
        "add_entry",
        entry_id,
        placed.store_id,
        message.digest,
        message.format,
        message.object.kind,
        message.object.id,
        f"cache/{name}/{entry_id}.{message.format}",
        message.size,
        message.copy_id,
    )
    assert placed.store_id is not None
    await say_changed(tx, placed.store_id)
    return entry_id


async def _with_ends(reply: CacheReserved, entry: Record, tx: Tx) -> CacheReserved:
    store = await need(tx, "store", entry["store_id"])
    ends = {"source": cache_end(entry, store, await _grant(tx, entry, reply.copy_id, False))}
    if reply.answer is CacheAnswer.FILL:
        writes = await _grant(tx, entry, reply.copy_id, True)
        ends["destination"] = cache_end(entry, store, writes)
    return reply.model_copy(update={"entry_id": entry["id"], **ends})


async def _grant(tx: Tx, entry: Record, copy_id: str, writes: bool) -> str:
    known = await tx.value("grant_of", entry["id"], copy_id, writes)
    if known is not None:
        return str(known)
    grant_id = new_id()
    await tx.run("add_grant", grant_id, entry["id"], copy_id, writes)
    return grant_id
