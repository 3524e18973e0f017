"""Synchronous commands whose owner works by messages: they wait for what it says."""

import asyncio
from collections.abc import Callable

from asyncpg import Record
from stowage_contracts.errors import Unavailable

from api_gateway.cloudstack.asks import Ask

SECONDS = 20.0
"""Less than an answer may take in all."""
LOOK_SECONDS = 1.0
"""It looks again after so long even when nothing was heard."""


async def heard(ask: Ask, noun: str, key: str, done: Callable[[Record], bool]) -> Record:
    """The row of a resource once ``done``, which may raise.

    Raises Unavailable when that takes too long; what was asked for goes on all the same.
    """
    now = asyncio.get_running_loop().time
    until = now() + SECONDS
    async with ask.deps.feed.listen(ask.desk) as listener:
        while True:
            async with ask.desk.transaction() as tx:
                row = await tx.row("resource", noun, key)
            if row is not None and done(row):
                return row
            left = until - now()
            if left <= 0 or listener.ended:
                raise Unavailable(
                    f"nothing was heard of the {noun} in {SECONDS:g} s; what was asked for goes on",
                    resource=f"{noun}/{key}",
                    code="slow",
                    hint="list it again later; does its owner run?",
                )
            await listener.about(noun, key, min(left, LOOK_SECONDS))
