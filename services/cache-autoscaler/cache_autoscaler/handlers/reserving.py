"""ReserveCache: space (or a ready entry) for a copy, promised before a byte is written."""

from asyncpg import Record
from stowage_contracts.messages.cache_autoscaler import CacheAnswer, CacheReserved, ReserveCache
from stowage_contracts.values import new_id
from stowage_runtime.handling.tx import Tx
from stowage_runtime.service import Desk

from cache_autoscaler.deciding import decide
from cache_autoscaler.deps import Deps
from cache_autoscaler.intents import evict
from cache_autoscaler.model.entries import EntryState
from cache_autoscaler.model.placing import Placement, Wanted, place
from cache_autoscaler.store import cache_end, caches, need, say_changed

WAIT_SECONDS = 30
"""A copy that stopped asking for space is backlog no longer."""


async def on_reserve_cache(message: ReserveCache, desk: Desk, deps: Deps) -> CacheReserved:
    """One at a time, so that every reservation sees the others; asked again, the same answer."""
    async with desk.transaction() as tx:
        await tx.rows("lock_stores")
        kept = await _kept(message, tx)
        wanted = Wanted(
            copy_id=message.copy_id,
            digest=message.digest,
            format=message.format,
            size=message.size,
            location=message.location,
            schemes=message.schemes,
            roots=await _roots(message, tx),
        )
        placed = kept or place(wanted, await caches(tx, deps.settings), deps.selector, tx.now)
        return await _answer(message, placed, tx, deps)


async def _kept(message: ReserveCache, tx: Tx) -> Placement | None:
    """What this copy was given before and still holds."""
    entry_id = await tx.value("pin_of", message.copy_id)
    entry = await tx.row("entry", entry_id) if entry_id else None
    if entry is None or (entry["digest"], entry["format"]) != (message.digest, message.format):
        return None
    ready = entry["state"] == EntryState.READY
    answer = CacheAnswer.READY if ready else CacheAnswer.FILL
    return Placement(answer, "held for this copy", entry["store_id"], entry["id"])


async def _roots(message: ReserveCache, tx: Tx) -> tuple[str, ...] | None:
    host_id = message.location.host_id
    known = await tx.value("host_roots", host_id) if host_id else None
    return None if known is None else tuple(known)


async def _answer(message: ReserveCache, placed: Placement, tx: Tx, deps: Deps) -> CacheReserved:
    reply = CacheReserved(
        copy_id=message.copy_id,
        answer=placed.answer,
        reason=placed.reason,
        entry_id=placed.entry_id,
    )
    if placed.answer is CacheAnswer.NONE:
        return reply
    assert placed.store_id is not None
    if placed.answer is CacheAnswer.WAIT:
        for entry_id in placed.evict:
            await evict(tx, entry_id, f"room for copy {message.copy_id}")
        await tx.run("wait", message.copy_id, placed.store_id, message.size, WAIT_SECONDS)
        return reply
    entry = await _entry(message, placed, tx)
    await tx.run("pin", entry["id"], message.copy_id, deps.settings.cache_pin_seconds)
    await tx.run("stop_waiting", message.copy_id)
    if placed.answer is CacheAnswer.READY:
        await tx.run("entry_used", entry["id"])
    return await _with_ends(reply, entry, tx)


async def _entry(message: ReserveCache, placed: Placement, tx: Tx) -> Record:
    if placed.entry_id is None:
        entry_id = new_id()
        name = message.digest.rpartition(":")[2]
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
        placed = Placement(placed.answer, placed.reason, placed.store_id, entry_id)
    await decide(tx, placed.answer, f"copy/{message.copy_id}", placed.reason)
    assert placed.entry_id is not None
    return await need(tx, "entry", placed.entry_id)


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
