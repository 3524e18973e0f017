"""The toy service's own command, for tests that need a process to kill."""

import asyncio
import os

from stowage_runtime.command import ServiceCommand, main
from stowage_runtime.service import Service
from stowage_runtime.settings import ServiceSettings

from tests.unit.runtime.toy import World, toy


def wire(_settings: ServiceSettings) -> Service[World]:
    """The toy in a world where surveys never end, if told so."""
    world = World()
    if os.environ.get("TOY_SURVEYS") == "hang":
        world.open = asyncio.Event()
    return toy(world)


main(ServiceCommand(settings=ServiceSettings, wire=wire))
