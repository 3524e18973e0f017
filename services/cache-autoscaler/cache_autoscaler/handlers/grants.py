"""Grants on entries: redeemed and renewed by agents, committed once, given up."""

from dataclasses import dataclass

from asyncpg import Record
from stowage_contracts.errors import GrantRefused, NotFound, Problem, Unavailable
from stowage_contracts.grants import Grant
from stowage_contracts.messages.data_motion import CommitHop
from stowage_contracts.messages.hypervisor_agent import HopTicket
from stowage_contracts.messages.image_store import GrantRedeemed, RedeemGrant, ReleaseGrants
from stowage_contracts.plugins.image_store_driver import ReadAsk, WriteAsk
from stowage_contracts.values import StoreState
from stowage_runtime.handling.tx import Tx
from stowage_runtime.service import Desk

from cache_autoscaler.deciding import decide
from cache_autoscaler.deps import Deps
from cache_autoscaler.intents import (
    CommitWork,
    commit_failed,
    evict,
    intend_commit,
    intend_probe,
    intend_revoke,
)
from cache_autoscaler.model.entries import EntryState
from cache_autoscaler.model.evicting import Why
from cache_autoscaler.store import need, store_row


@dataclass(frozen=True)
class _Access:
    ticket: HopTicket
    grant: Record
    entry: Record
    store: Record

    @property
    def session(self) -> str:
        """The upload this writer began; another writer's is not its business."""
        mine = self.grant["writer"] == self.ticket.writer
        return self.grant["session"] if mine else ""


async def on_redeem_grant(message: RedeemGrant, desk: Desk, deps: Deps) -> GrantRedeemed:
    """Turn a ticket into access; refuses a foreign, stale or unsigned one."""
    async with desk.transaction() as tx:
        access = await _admitted(message, desk, tx, deps)
    if access.grant["writes"]:
        return await _write(message, access, desk, deps)
    ask = ReadAsk(key=access.entry["key"], seconds=deps.settings.grant_seconds)
    grant = await _granted(ask, access, desk, deps)
    return GrantRedeemed(grant_id=message.grant_id, grant=grant, digest=access.entry["digest"])


async def _admitted(message: RedeemGrant, desk: Desk, tx: Tx, deps: Deps) -> _Access:
    ticket = deps.verifier.verify(message.ticket, HopTicket, tx.now)
    ticket.check(message.grant_id, desk.cause.source if desk.cause else "")
    grant = await need(tx, "grant", message.grant_id)
    entry = await need(tx, "entry", grant["entry_id"])
    access = _Access(ticket, grant, entry, await need(tx, "store", entry["store_id"]))
    _check(access)
    await tx.run("grant_redeemed", grant["id"], ticket.epoch, ticket.writer, access.session)
    if grant["writes"]:
        await tx.run("entry_filling", entry["id"])
        if grant["writer"] and grant["writer"] != ticket.writer:
            await intend_revoke(tx, entry, writer=grant["writer"], session=grant["session"])
    return access


def _check(access: _Access) -> None:
    grant, entry, store = access.grant, access.entry, access.store
    if grant["state"] != "active":
        raise GrantRefused(f"the grant is {grant['state']}", code=grant["state"])
    if access.ticket.epoch < grant["epoch"]:
        raise GrantRefused("a newer epoch redeemed it", code="superseded")
    if store["state"] == StoreState.DEGRADED or not StoreState(store["state"]).readable:
        raise GrantRefused(f"the cache is {store['state']}", resource=f"store/{store['id']}")
    open_states = (EntryState.RESERVED, EntryState.FILLING) if grant["writes"] else ("ready",)
    if entry["state"] not in open_states:
        raise GrantRefused(f"the entry is {entry['state']}", code="entry")


async def _write(message: RedeemGrant, access: _Access, desk: Desk, deps: Deps) -> GrantRedeemed:
    if message.size is not None and message.size > access.entry["size"]:
        raise GrantRefused(f"{access.entry['size']} bytes are reserved", code="size")
    ask = WriteAsk(
        key=access.entry["key"],
        writer=access.ticket.writer,
        size=message.size,
        session=access.session,
        seconds=deps.settings.grant_seconds,
        first_part=message.first_part,
        part_count=message.part_count,
    )
    grant = await _granted(ask, access, desk, deps)
    writer = access.ticket.writer
    async with desk.transaction() as tx:
        kept = await tx.run("grant_session", message.grant_id, writer, grant.session)
        if not kept:
            await intend_revoke(tx, access.entry, writer=writer, session=grant.session)
    if not kept:
        raise GrantRefused("it was given up or taken over meanwhile", code="superseded")
    return GrantRedeemed(grant_id=message.grant_id, grant=grant)


async def _granted(ask: ReadAsk | WriteAsk, access: _Access, desk: Desk, deps: Deps) -> Grant:
    """What the driver gives; a store that does not answer is probed, an object that is not there
    any more is lost."""
    store, entry = access.store, access.entry
    driver = await deps.stores.driver(store_row(store))
    try:
        return await driver.grant(ask)
    except Unavailable:
        async with desk.transaction() as tx:
            await intend_probe(tx, store["id"])
        raise
    except NotFound:
        if access.grant["writes"]:
            raise
        async with desk.transaction() as tx:
            await evict(tx, entry["id"], Why.VANISHED, "its store has it no more")
            await intend_probe(tx, store["id"])
        raise GrantRefused("the entry vanished from its store", code="entry") from None


async def on_commit_hop(message: CommitHop, tx: Tx, deps: Deps) -> None:
    """Fenced by epoch; said again it is answered again."""
    grant = await tx.row("grant", message.destination.grant.id)
    if grant is None:
        gone = NotFound("the space was given up", resource=message.subject, code="write")
        await commit_failed(CommitWork(commit=message), gone, tx, deps)
    elif message.epoch < grant["epoch"]:
        return
    elif grant["state"] == "committed":
        await tx.say(message.committed(message.receipt.digest))
    else:
        await tx.run("renew_pins", grant["copy_id"], deps.settings.cache_pin_seconds)
        await intend_commit(tx, message)


async def on_release_grants(message: ReleaseGrants, tx: Tx, deps: Deps) -> None:
    """A hop ended without commit: the pin goes, and a fill with it; so does a damaged entry."""
    grant = await tx.row("grant", message.grant.id)
    if grant is None or message.epoch < grant["epoch"]:
        return
    if message.damaged is not None and not grant["writes"]:
        await _damaged(grant["entry_id"], message.damaged, tx)
    if not await tx.run("grant_state", grant["id"], "revoked"):
        return
    await tx.run("unpin", grant["entry_id"], grant["copy_id"])
    if grant["writes"] and grant["state"] == "active":
        reason = f"the fill by copy {grant['copy_id']} ended"
        await evict(tx, grant["entry_id"], Why.UNFILLED, reason)


async def _damaged(entry_id: str, problem: Problem, tx: Tx) -> None:
    """Nobody gets these bytes again; whoever reads them now finds out as well."""
    entry = await tx.row("entry", entry_id)
    if entry is None or entry["state"] != EntryState.READY:
        return
    reason = f"its bytes were damaged on the cache: {problem.cause}"
    await evict(tx, entry_id, Why.DAMAGED, reason)
    await decide(tx, "damaged", f"store/{entry['store_id']}", f"entry {entry_id}: {problem.cause}")
    await intend_probe(tx, entry["store_id"])
