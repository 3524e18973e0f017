"""Trying a sink: one event now, past its queue, and what came of it."""

import time

from stowage_contracts.sinks import SinkTest, SinkTried
from stowage_contracts.values import new_id
from stowage_runtime.handling.tx import Tx

from api_gateway.accounts import Principal
from api_gateway.deps import Deps
from api_gateway.sinks.outgoing import Outgoing
from api_gateway.sinks.rows import Sink


def trial(sink: Sink, principal: Principal, tx: Tx) -> Outgoing:
    """Says that it is a test, and who asked for it."""
    said = SinkTest(sink_id=sink.id, account_id=principal.account_id)
    return Outgoing.about(said, new_id(), tx.now)


async def attempt(sink: Sink, event: Outgoing, deps: Deps) -> SinkTried:
    """Send it, once; ends within the sink's own deadline."""
    sender, began = deps.senders.of(sink), time.monotonic()
    try:
        (error,) = await sender.send([event])
    finally:
        await sender.close()
    return SinkTried(
        delivered=error is None,
        seconds=round(time.monotonic() - began, 4),
        error=error.problem if error else None,
    )
