"""Waiting in place while a handler's own database is away."""

import asyncio

from stowage_contracts.envelope import Envelope
from stowage_contracts.errors import Unavailable

from stowage_runtime.bus import Deliver
from stowage_runtime.bus_limits import BusLimits


async def deliver_held(deliver: Deliver, envelope: Envelope, limits: BusLimits) -> None:
    """Deliver; on Unavailable try again in place, so that an outage reorders nothing.

    Raises what ``deliver`` raises, Unavailable only after ``limits.hold_seconds``.
    """
    loop = asyncio.get_running_loop()
    end, pause = loop.time() + limits.hold_seconds, limits.hold_pause
    while True:
        try:
            return await deliver(envelope)
        except Unavailable:
            if loop.time() + pause > end:
                raise
        await asyncio.sleep(pause)
        pause = min(2 * pause, 5.0)
