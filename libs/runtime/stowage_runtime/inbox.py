"""The inbox: which messages were handled, so that a second delivery changes nothing."""

from datetime import timedelta

from stowage_contracts.envelope import Envelope

from stowage_runtime.tx import Tx

KEEP = timedelta(days=14)
"""Far longer than a broker redelivers; a replayed dead letter was never in the inbox."""
BATCH = 5000


async def first_time(envelope: Envelope, tx: Tx) -> bool:
    """Whether this service has not handled the message yet; from now on it has, if ``tx`` commits.

    Waits while another delivery of the same message is being handled.
    """
    return await tx.row("runtime.received", f"{envelope.source}/{envelope.id}") is not None


async def prune(tx: Tx) -> int:
    """Forget what is older than KEEP, a batch at a time; the number forgotten."""
    return await tx.run("runtime.forget", KEEP, BATCH)
