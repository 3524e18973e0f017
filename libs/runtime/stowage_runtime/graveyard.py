"""The dead-letters command: list, show, replay."""

import argparse
import sys
from typing import Any

from stowage_contracts.topology import Topology

from stowage_runtime.bus.dead_letters import DeadLetter, DeadLetters
from stowage_runtime.bus.rabbit import RabbitBus
from stowage_runtime.service import Service
from stowage_runtime.serving import given
from stowage_runtime.settings import ServiceSettings
from stowage_runtime.telemetry.redaction import Redactor


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """``list [--limit N]``, ``show ID``, ``replay ID | --all``."""
    parser.set_defaults(do=run, serves=False)
    verbs = parser.add_subparsers(required=True, dest="verb", metavar="VERB")
    verbs.add_parser("list", help="oldest first").add_argument("--limit", type=int, default=100)
    verbs.add_parser("show", help="one, whole").add_argument("id")
    replay = verbs.add_parser("replay", help="deliver again").add_mutually_exclusive_group(
        required=True
    )
    replay.add_argument("id", nargs="?")
    replay.add_argument("--all", action="store_true", help="all that are there now")


async def run(service: Service[Any], settings: ServiceSettings, asked: argparse.Namespace) -> int:
    """Raises NotFound, Unavailable."""
    bus = RabbitBus(given(settings.amqp_url, "STOWAGE_AMQP_URL"), Topology(settings.bus_prefix))
    try:
        await bus.ready()
        await _do(bus.dead_letters(service.name), asked)
    finally:
        await bus.close()
    return 0


async def _do(letters: DeadLetters, asked: argparse.Namespace) -> None:
    match asked.verb:
        case "list":
            _say(*(_line(letter) for letter in await letters.entries(asked.limit)))
        case "show":
            letter = await letters.show(asked.id)
            _say(Redactor().text(letter.model_dump_json(indent=2)))
        case "replay" if asked.all:
            _say(f"replayed {await letters.replay_all()}")
        case _:
            await letters.replay(asked.id)
            _say(f"replayed {asked.id}")


def _line(letter: DeadLetter) -> str:
    reason = letter.reason
    told = f"{letter.died:%Y-%m-%dT%H:%M:%SZ} {letter.type} {letter.subject}"
    return f"{letter.id} {told} after {letter.attempts}: {reason.code}: {reason.cause}"


def _say(*lines: str) -> None:
    sys.stdout.writelines(f"{line}\n" for line in lines)
