"""python -m bench.store.lister: lists a store by its driver; prints how many objects there were."""

from __future__ import annotations

import asyncio
import sys
import time
from contextlib import suppress

from stowage_contracts.errors import NotFound

from bench.data.mover import Took
from bench.data.processes import peak_mib
from bench.store.batch import Side


async def run(side: Side) -> Took:
    """Every page, each object as a value."""
    driver = side.open()
    with suppress(NotFound):
        await driver.stat("never/there")
    began, used, count = time.monotonic(), time.process_time(), 0
    async for _ in driver.list():
        count += 1
    took = Took(
        seconds=time.monotonic() - began,
        cpu_seconds=time.process_time() - used,
        peak_mib=peak_mib("self"),
        size=count,
        sent=0,
    )
    if close := getattr(driver, "aclose", None):
        await close()
    return took


if __name__ == "__main__":
    sys.stdout.write(asyncio.run(run(Side.model_validate_json(sys.stdin.read()))).model_dump_json())
