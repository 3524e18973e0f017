"""Operators' words about single entries: keep it, drop it."""

from stowage_contracts.messages.cache_autoscaler import EvictEntry, HoldEntry
from stowage_runtime.handling.tx import Tx

from cache_autoscaler.deciding import decide
from cache_autoscaler.deps import Deps
from cache_autoscaler.intents import evict
from cache_autoscaler.model.entries import EntryState
from cache_autoscaler.model.evicting import Why


async def on_hold_entry(message: HoldEntry, tx: Tx, deps: Deps) -> None:
    """Keep it until then; an entry on its way out, or gone, can't be kept, and that is told."""
    subject, until = f"entry/{message.entry_id}", message.until
    if not await tx.run("hold_entry", message.entry_id, until):
        await decide(tx, "refused", subject, "there is no such entry to hold any more")
        return
    reason = f"held until {until:%Y-%m-%d %H:%M:%S} UTC" if until else "held by nobody any more"
    await decide(tx, "hold", subject, reason)


async def on_evict_entry(message: EvictEntry, tx: Tx, deps: Deps) -> None:
    """Drop it, held or not; refused while a copy needs it."""
    entry = await tx.row("entry", message.entry_id)
    if entry is None or entry["state"] == EntryState.EVICTING:
        return
    copies = [row["copy_id"] for row in await tx.rows("pinned_by", message.entry_id)]
    if copies:
        reason = f"it is needed by copy {', '.join(copies[:5])}"
        await decide(tx, "refused", f"entry/{message.entry_id}", reason, copies=len(copies))
        return
    await evict(tx, message.entry_id, Why.ASKED, "an operator asked for it")
