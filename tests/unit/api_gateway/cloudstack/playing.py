"""An owner that is played: it answers what it is told, in order."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from api_gateway.deps import Deps
from stowage_contracts.message import Message
from stowage_runtime.testing.bench import ServiceBench

Bench = ServiceBench[Deps]
Speaks = Callable[[Message], Message | None]
"""The event with which a command is answered, if any."""


@asynccontextmanager
async def owner(bench: Bench, speaks: Speaks) -> AsyncIterator[list[Message]]:
    """What it heard."""
    heard: list[Message] = []

    async def work() -> None:
        while True:
            for message in (await bench.said())[len(heard) :]:
                heard.append(message)
                if (event := speaks(message)) is not None:
                    await bench.handle(event, sequence=100 + len(heard))
            await asyncio.sleep(0.02)

    task = asyncio.create_task(work())
    try:
        yield heard
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def details(given: dict[str, str]) -> dict[str, str]:
    """A map as addImageStore wants it (convention A)."""
    return {
        f"details[{number}].{word}": text
        for number, (key, value) in enumerate(given.items())
        for word, text in (("key", key), ("value", value))
    }
