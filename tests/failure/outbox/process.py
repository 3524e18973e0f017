"""A process that relays: ``python -m tests.failure.outbox.process DATABASE AMQP PREFIX``.

Prints ``leading`` once it leads, and stops in order on SIGTERM.
"""

import asyncio
import signal
import sys

from stowage_contracts.topology import Topology
from stowage_runtime.bus.rabbit import RabbitBus

from tests.failure.outbox.instances import Instance


async def main(database_url: str, amqp_url: str, prefix: str) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    bus = await RabbitBus(amqp_url, Topology(prefix)).ready()
    instance = await Instance.start(database_url, bus)
    await stop.wait()
    await instance.stop()
    await bus.close()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
