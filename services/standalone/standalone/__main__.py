"""stowage standalone: everything in one process, until SIGTERM."""

import argparse
import asyncio
import json
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from stowage_contracts.errors import StowageError
from stowage_runtime.command import told
from stowage_runtime.settings import ServiceSettings
from stowage_runtime.telemetry import start_tracing
from stowage_runtime.telemetry.logs import start_logs
from stowage_runtime.telemetry.metrics import start_metrics

from standalone.cloud import cloud
from standalone.house import House
from standalone.settings import Home


async def serve(home: Home, port: int, settings: ServiceSettings) -> int:
    """Print one JSON line when ready; 0 after SIGTERM, 1 when a service broke."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with cloud(home, port) as house:
        start_logs(settings, hide=house.keyring.texts.values())
        _tell(house)
        asked, crashed = asyncio.create_task(stop.wait()), asyncio.create_task(house.crashed())
        await asyncio.wait({asked, crashed}, return_when=asyncio.FIRST_COMPLETED)
        asked.cancel()
        crashed.cancel()
        return 0 if stop.is_set() else 1


def _tell(house: House) -> None:
    line = {
        "url": house.url,
        "api_key": house.keyring["admin_api_key"],
        "secret_key": house.keyring["admin_secret_key"],
    }
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


def main(arguments: Sequence[str] | None = None) -> None:
    """Parse, serve, exit: 0 stopped, 1 failed with a reason on stderr."""
    parser = argparse.ArgumentParser(prog="stowage standalone", description=__doc__)
    parser.add_argument("--port", type=int, default=8080, help="0 takes a free one")
    parser.add_argument("--data", type=Path, default=Path(".stowage"), help="where state is kept")
    asked = parser.parse_args(arguments)
    settings = ServiceSettings.read()
    start_logs(settings)
    start_tracing("standalone", settings.otlp_endpoint)
    start_metrics()
    try:
        status = asyncio.run(serve(Home(asked.data.resolve()), asked.port, settings))
    except StowageError as error:
        sys.stderr.write(told(error) + "\n")
        status = 1
    sys.exit(status)


if __name__ == "__main__":
    main()
