"""Leaf digests: kept from agents that read every byte, given to those that check ranges."""

import base64
import hashlib
import zlib

from asyncpg import Record
from stowage_contracts.errors import GrantRefused, InvalidInput, NotFound
from stowage_contracts.messages.hypervisor_agent import HopTicket
from stowage_contracts.messages.image_store import GetLeaves, KeepLeaves, LeavesGot, LeavesKept
from stowage_contracts.messages.image_store.leaves import LEAVES_A_MESSAGE
from stowage_contracts.values import TREE_ALGORITHM, Digest, StoreRole
from stowage_runtime.handling.tx import Tx
from stowage_runtime.service import Desk

from image_store.deps import Deps

LEAF = 32
MOST_LEAVES = 1 << 16
"""Of objects above 256 GiB none are kept: their digests alone would be megabytes."""


async def on_keep_leaves(message: KeepLeaves, desk: Desk, deps: Deps) -> LeavesKept:
    """Stage them; with the last ones all must hash to the digest. Raises InvalidInput,
    GrantRefused."""
    leaves = _unpacked(message)
    async with desk.transaction() as tx:
        ticket = _ticket(message, desk, tx, deps)
        await _check_writer(ticket, message.digest, tx)
        known = await tx.value("leaves_kept", message.digest)
        believed = known or await _stage(message, len(leaves) // LEAF, tx)
    if not believed:
        raise InvalidInput("the leaves do not have that digest", code="leaves")
    return LeavesKept(hop_id=message.hop_id)


async def on_get_leaves(message: GetLeaves, desk: Desk, deps: Deps) -> LeavesGot:
    """As many as were kept together from ``first`` on. Raises NotFound, GrantRefused."""
    async with desk.transaction() as tx:
        ticket = _ticket(message, desk, tx, deps)
        await _check_reader(ticket, message.digest, tx)
        kept = await tx.row("leaf_list", message.digest)
        chunk = await _chunk(message, kept, tx) if kept else None
    if kept is None or chunk is None:
        raise NotFound("no such leaves are kept", resource=message.digest, code="leaves")
    return LeavesGot(
        hop_id=message.hop_id, first=message.first, leaves=_coded(chunk), count=kept["count"]
    )


def _ticket(message: KeepLeaves | GetLeaves, desk: Desk, tx: Tx, deps: Deps) -> HopTicket:
    ticket = deps.verifier.verify(message.ticket, HopTicket, tx.now)
    ticket.check(ticket.destination_grant.id, desk.cause.source if desk.cause else "")
    if ticket.hop_id != message.hop_id:
        raise GrantRefused("the ticket is another hop's", code="ticket")
    return ticket


async def _check_writer(ticket: HopTicket, digest: Digest, tx: Tx) -> None:
    """Who fills a replica on an image store, or reads one whole for its inspection."""
    grant = await tx.row("grant_digest", ticket.destination_grant.id)
    if grant is None or not _live(grant) or grant["role"] != StoreRole.IMAGE:
        raise GrantRefused("no live write or inspection of an image store", code="leaves")
    if grant["digest"] not in (None, digest):
        raise GrantRefused("its object has another digest", code="leaves")


async def _check_reader(ticket: HopTicket, digest: Digest, tx: Tx) -> None:
    """Who may read the bytes may know their digests. A cache's grant is not ours to look at: its
    hop shows a live write of a replica that we know."""
    source = await tx.row("grant_digest", ticket.source_grant.id)
    if source is not None:
        if not _live(source) or source["digest"] != digest:
            raise GrantRefused("no live grant of an object with that digest", code="leaves")
    elif not _live(await tx.row("grant_digest", ticket.destination_grant.id)):
        raise GrantRefused("no live grant of that hop", code="leaves")


def _live(grant: Record | None) -> bool:
    return grant is not None and grant["state"] == "active"


async def _stage(message: KeepLeaves, count: int, tx: Tx) -> bool:
    """False when these were the last ones and all together are not the digest's; none stay then."""
    key = message.digest, message.hop_id
    await tx.run("stage_leaves", *key, message.first, message.leaves)
    if not message.last or await _proven(message, count, tx):
        return True
    await tx.run("unstage_leaves", *key)
    return False


async def _proven(message: KeepLeaves, last: int, tx: Tx) -> bool:
    """Whether the chunks follow each other and hash to the digest; then they count."""
    outer, count = hashlib.sha256(), 0
    for row in await tx.rows("staged_leaves", message.digest, message.hop_id):
        if row["first"] != count:
            return False
        leaves = _inflated(row["leaves"])
        outer.update(leaves)
        count += len(leaves) // LEAF
    if f"{TREE_ALGORITHM}:{outer.hexdigest()}" != message.digest or count != message.first + last:
        return False
    await tx.run("list_leaves", message.digest, message.hop_id, count)
    return True


async def _chunk(message: GetLeaves, kept: Record, tx: Tx) -> bytes | None:
    row = await tx.row("leaves_at", message.digest, kept["hop_id"], message.first)
    return None if row is None else bytes(row["leaves"])


def _unpacked(message: KeepLeaves) -> bytes:
    if not 0 <= message.first <= MOST_LEAVES - LEAVES_A_MESSAGE:
        raise InvalidInput("more leaves than are kept", code="leaves")
    if message.first % LEAVES_A_MESSAGE:
        raise InvalidInput("leaves come in chunks of one length", code="leaves")
    return _inflated(message.leaves)


def _inflated(packed: bytes) -> bytes:
    """Whole leaves, no more than fit one message. Raises InvalidInput."""
    opened = zlib.decompressobj()
    try:
        leaves = opened.decompress(packed, LEAVES_A_MESSAGE * LEAF)
    except zlib.error:
        leaves = b""
    if not leaves or len(leaves) % LEAF or not opened.eof:
        raise InvalidInput("these are no packed leaves", code="leaves")
    return leaves


def _coded(packed: bytes) -> bytes:
    """As a Base64Bytes field is given them."""
    return base64.b64encode(packed)
