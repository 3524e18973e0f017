"""Collisions: two transactions met; the one PostgreSQL refused is simply run again."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import asyncpg

from stowage_runtime.backoff import delay

T = TypeVar("T")
COLLISIONS = (asyncpg.SerializationError, asyncpg.DeadlockDetectedError)
ATTEMPTS = 5


async def retried(transaction: Callable[[], Awaitable[T]]) -> T:
    """Run a whole transaction again when it collided; the last error after five attempts."""
    for attempt in range(1, ATTEMPTS):
        try:
            return await transaction()
        except COLLISIONS:
            await asyncio.sleep(delay(attempt, first=0.01, cap=0.2))
    return await transaction()
