"""What api-gateway does by the clock: forget what has served its time."""

from stowage_runtime.service import Timer
from stowage_runtime.tx import Tx

from api_gateway.deps import Deps


async def forget(tx: Tx, deps: Deps) -> None:
    """Trim the feed and remembered idempotency keys."""
    await tx.run("feed_old", deps.settings.feed_seconds)
    await tx.run("idempotency_old", deps.settings.idempotency_seconds)


TIMERS = (Timer[Deps]("forget", 300, forget),)
