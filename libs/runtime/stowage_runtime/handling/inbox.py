"""The inbox: which messages were handled, so that a second delivery changes nothing."""

from datetime import timedelta

from stowage_contracts.envelope import Envelope

from stowage_runtime.handling.tx import Tx

KEEP = timedelta(days=14)
"""Far longer than a broker redelivers; a replayed dead letter was never in the inbox."""
BATCH = 5000


def key(envelope: Envelope) -> str:
    """What the inbox knows a message by; ids are unique for each source only."""
    return f"{envelope.source}/{envelope.id}"


async def prune(tx: Tx) -> int:
    """Forget what is older than KEEP, a batch at a time; the number forgotten."""
    return await tx.run("runtime.forget", KEEP, BATCH)
