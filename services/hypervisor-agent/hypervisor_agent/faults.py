"""Faults an operator of tests asks for: delays, errors and death between the steps of a hop."""

import asyncio
import os

from stowage_contracts.errors import Unavailable
from stowage_contracts.values import Value


class Faults(Value):
    """None by default. Steps are: redeemed, opened, copied, finished, judged, converted,
    moved, committing, committed."""

    latency_seconds: float = 0.0
    """Waited at every step."""
    fail_at: str = ""
    """Raise Unavailable at this step…"""
    fail_times: int = 1
    """…so many times, then never again."""
    crash_at: str = ""
    """Die like kill -9 at this step."""


class FaultSteps:
    """The ``step`` hook of a hop."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self._left = faults.fail_times

    async def __call__(self, step: str) -> None:
        """Do to the running hop what was asked for."""
        if self._faults.latency_seconds:
            await asyncio.sleep(self._faults.latency_seconds)
        if step == self._faults.crash_at:
            os._exit(137)
        if step == self._faults.fail_at and self._left > 0:
            self._left -= 1
            raise Unavailable(f"a fault was asked for at {step!r}", code="injected")
