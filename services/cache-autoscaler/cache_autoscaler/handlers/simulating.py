"""What a fleet's settings would do on a made-up day; nothing is spawned."""

import asyncio

from stowage_contracts.errors import InvalidInput, StowageError, Unavailable
from stowage_contracts.messages.cache_autoscaler import FleetSimulated, SimulateFleet
from stowage_runtime.service import Desk

from cache_autoscaler.deps import Deps
from cache_autoscaler.scaling import pick
from cache_autoscaler.simulation.trial import trial

PATIENCE = 5.0
"""Seconds waited for another trial to end."""


async def on_simulate_fleet(message: SimulateFleet, desk: Desk, deps: Deps) -> FleetSimulated:
    """One at a time, beside everything else; raises NotFound for an unknown strategy,
    InvalidInput for a day that is too long, Unavailable while another one is tried."""
    strategy = pick(deps, message.fleet.strategy)
    try:
        async with asyncio.timeout(PATIENCE):
            await deps.trials.acquire()
    except TimeoutError:
        raise Unavailable("another fleet is being simulated", code="busy") from None
    try:
        return await asyncio.to_thread(trial, message, strategy)
    except StowageError:
        raise
    except Exception as error:  # a stranger's strategy may raise anything
        told = f"strategy {strategy.name} failed: {type(error).__name__}: {error}"
        raise InvalidInput(told, code="strategy") from error
    finally:
        deps.trials.release()
