"""Grants: redeemed and renewed by agents, committed once, revoked."""

from datetime import timedelta

from asyncpg import Record
from pydantic import SecretStr
from stowage_contracts.errors import GrantRefused, NotFound
from stowage_contracts.grants import FetchRules, Grant
from stowage_contracts.messages.data_motion import CommitHop
from stowage_contracts.messages.hypervisor_agent import HopTicket, LinkTicket
from stowage_contracts.messages.image_store import GrantRedeemed, RedeemGrant, ReleaseGrants
from stowage_contracts.plugins.image_store_driver import ReadAsk, WriteAsk
from stowage_contracts.values import StoreState
from stowage_runtime.handling.tx import Tx
from stowage_runtime.service import Desk

from image_store.deps import Deps
from image_store.intents.cleaning import intend_abort, intend_revoke
from image_store.intents.committing import CommitWork, commit_failed, intend_commit
from image_store.keeping.reserving import reserve
from image_store.model.store_states import Verb, check
from image_store.objects.sealed_urls import url_of
from image_store.store import driver_of, need

Ticket = HopTicket | LinkTicket


async def on_redeem_grant(message: RedeemGrant, desk: Desk, deps: Deps) -> GrantRedeemed:
    """Turn a ticket into access; refuses a foreign, stale or unsigned one."""
    async with desk.transaction() as tx:
        ticket = _ticket(message, desk, tx, deps)
        if message.size:
            await tx.value("lock_ref_of_grant", message.grant_id)
        grant = await _admit(message, ticket, tx)
        if grant["ref_id"] is None:
            return await _url(message, grant, tx, deps)
        ref = await need(tx, "read_ref", grant["ref_id"])
        store = await need(tx, "store", ref["store_id"])
        check(_verb(grant), StoreState(store["state"]), store["id"])
        if grant["writes"] and grant["writer"] not in ("", ticket.writer):
            await intend_revoke(tx, ref, grant)
        if grant["writes"] and message.size:
            await reserve(ref, message.size, tx, deps)
    if not grant["writes"]:
        return await _read(message, ref, store, deps)
    return await _write(message, ticket, (grant, ref, store), desk, deps)


def _ticket(message: RedeemGrant, desk: Desk, tx: Tx, deps: Deps) -> Ticket:
    ticket = _verified(message, tx, deps)
    ticket.check(message.grant_id, desk.cause.source if desk.cause else "")
    return ticket


def _verified(message: RedeemGrant, tx: Tx, deps: Deps) -> Ticket:
    """A hop's ticket, or a link's: both are signed, each is of one type."""
    try:
        return deps.verifier.verify(message.ticket, HopTicket, tx.now)
    except GrantRefused as error:
        if error.code != "grant.malformed":
            raise
    return deps.verifier.verify(message.ticket, LinkTicket, tx.now)


async def _admit(message: RedeemGrant, ticket: Ticket, tx: Tx) -> Record:
    grant = await need(tx, "grant", message.grant_id)
    if grant["state"] != "active":
        raise GrantRefused(f"the grant is {grant['state']}", code=grant["state"])
    if grant["expires"] is not None and grant["expires"] <= tx.now:
        raise GrantRefused("the grant has expired", code="expired")
    if ticket.epoch < grant["epoch"]:
        raise GrantRefused("a newer epoch redeemed it", code="superseded")
    await tx.run(
        "grant_redeemed",
        grant["id"],
        ticket.epoch,
        ticket.writer,
        grant["session"] if grant["writer"] == ticket.writer else "",
    )
    return grant


def _verb(grant: Record) -> Verb:
    """What it opens; ``grant`` is as it was before this redemption."""
    if not grant["writes"]:
        return Verb.READ
    return Verb.CONTINUE if grant["writer"] else Verb.WRITE


async def _url(message: RedeemGrant, grant: Record, tx: Tx, deps: Deps) -> GrantRedeemed:
    row = await tx.row("object", grant["source_noun"], grant["source_id"])
    if row is None:
        raise GrantRefused("its object was deleted", code="revoked")
    expires = tx.now + timedelta(seconds=deps.settings.grant_seconds)
    rules = FetchRules(allow=deps.settings.fetch_allow, max_bytes=deps.settings.fetch_max_bytes)
    access = Grant(uri=SecretStr(url_of(row, deps)), expires=expires)
    return GrantRedeemed(grant_id=grant["id"], grant=access, rules=rules)


async def _read(message: RedeemGrant, ref: Record, store: Record, deps: Deps) -> GrantRedeemed:
    ask = ReadAsk(key=ref["install_path"], seconds=deps.settings.grant_seconds)
    access = await (await driver_of(store, deps.stores)).grant(ask)
    return GrantRedeemed(grant_id=message.grant_id, grant=access, digest=ref["digest"])


async def _write(
    message: RedeemGrant,
    ticket: Ticket,
    rows: tuple[Record, Record, Record],
    desk: Desk,
    deps: Deps,
) -> GrantRedeemed:
    grant, ref, store = rows
    mine = grant["writer"] == ticket.writer
    ask = WriteAsk(
        key=ref["install_path"],
        writer=ticket.writer,
        size=None if message.grows else message.size,
        session=grant["session"] if mine else "",
        seconds=deps.settings.grant_seconds,
        first_part=message.first_part,
        part_count=message.part_count,
    )
    access = await (await driver_of(store, deps.stores)).grant(ask)
    async with desk.transaction() as tx:
        kept = await tx.run("grant_session", grant["id"], ticket.writer, access.session)
        if not kept:
            await intend_abort(tx, ref, writer=ticket.writer, session=access.session)
    if not kept:
        raise GrantRefused("it was given up or taken over meanwhile", code="superseded")
    return GrantRedeemed(grant_id=grant["id"], grant=access)


async def on_commit_hop(message: CommitHop, tx: Tx, deps: Deps) -> None:
    """Fenced by epoch; said again it is answered again."""
    grant = await tx.row("grant", message.destination.grant.id)
    if grant is None:
        gone = NotFound("no such write", resource=message.subject, code="grant")
        await commit_failed(CommitWork(commit=message), gone, tx, deps)
    elif message.epoch < grant["epoch"]:
        return
    elif grant["state"] == "committed":
        await tx.say(message.committed(message.receipt.digest))
    else:
        await intend_commit(tx, message)


async def on_release_grants(message: ReleaseGrants, tx: Tx, deps: Deps) -> None:
    """A hop ended without commit: nothing of it may stay."""
    grant = await tx.row("grant", message.grant.id)
    if grant is None or grant["state"] != "active" or message.epoch < grant["epoch"]:
        return
    await tx.run("grant_state", grant["id"], "revoked")
    if grant["writes"] and grant["writer"]:
        await intend_revoke(tx, await need(tx, "read_ref", grant["ref_id"]), grant)
