"""How much the outbox holds back, for the metrics of every instance."""

import asyncio

from stowage_contracts.errors import Unavailable

from stowage_runtime.backoff import wait
from stowage_runtime.handling.transaction import Transactions
from stowage_runtime.telemetry.metrics import OUTBOX_AGE, OUTBOX_DEPTH, OUTBOX_REFUSED

MEASURE_SECONDS = 5.0


async def measure_always(transactions: Transactions, stopped: asyncio.Event) -> None:
    """Set the outbox gauges every few seconds; they keep their value while the database is away."""
    labels = {"service": transactions.source}
    while not stopped.is_set():
        try:
            row = (await transactions.database.fetch("runtime.backlog"))[0]
        except Unavailable:
            pass
        else:
            OUTBOX_DEPTH.set(row["depth"], labels)
            OUTBOX_AGE.set(row["age"], labels)
            OUTBOX_REFUSED.set(row["refused"], labels)
        await wait(stopped, MEASURE_SECONDS)
