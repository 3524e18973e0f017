"""A service's command line: run, migrate, check, dead-letters, openapi."""

import argparse
import asyncio
import json
import sys
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from stowage_contracts.errors import StowageError

from stowage_runtime import graveyard, serving
from stowage_runtime.http import Route
from stowage_runtime.http.openapi import document
from stowage_runtime.running import described
from stowage_runtime.service import Service
from stowage_runtime.settings import ServiceSettings
from stowage_runtime.telemetry.logs import start_logs

S = TypeVar("S", bound=ServiceSettings)
_QUIET = {"log_level": "error"}
"""A command that ends says its result itself."""
Do = Callable[[Service[Any], ServiceSettings, argparse.Namespace], Coroutine[Any, Any, int]]


@dataclass(frozen=True)
class ServiceCommand(Generic[S]):
    """What a service's ``__main__`` gives: its settings class and its one wiring place."""

    settings: type[S]
    wire: Callable[[S], Service[Any]]


def main(command: ServiceCommand[S], arguments: Sequence[str] | None = None) -> None:
    """Parse, do, exit: 0 done, 1 failed with a reason on stderr, 2 wrong usage."""
    asked = _parser().parse_args(arguments)
    do: Do = asked.do
    try:
        settings = command.settings.read()
        start_logs(settings if asked.serves else settings.model_copy(update=_QUIET))
        service = command.wire(settings)
        code = asyncio.run(do(service, settings, asked))
    except StowageError as error:
        sys.stderr.write(told(error) + "\n")
        code = 1
    sys.exit(code)


def told(error: StowageError) -> str:
    """One line: code, resource, cause, hint."""
    about = f" {error.resource}:" if error.resource else ""
    hint = f" ({error.hint})" if error.hint else ""
    return f"{error.code}:{about} {error.cause}{hint}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="One Stowage service; settings are STOWAGE_….")
    verbs = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, do, text in (
        ("run", _run, "serve until SIGTERM"),
        ("migrate", _migrate, "migrate the database and declare exchanges and queues"),
        ("check", _check, "try every dependency; exits 1 if one fails"),
        ("openapi", _openapi, "print the description of the HTTP surface"),
    ):
        verb = verbs.add_parser(name, help=text, description=text)
        verb.set_defaults(do=do, serves=name == "run")
    text = "look at messages nobody could handle, and deliver them again"
    graveyard.add_arguments(verbs.add_parser("dead-letters", help=text, description=text))
    return parser


async def _run(service: Service[Any], settings: ServiceSettings, _asked: object) -> int:
    return await serving.run(service, settings)


async def _migrate(service: Service[Any], settings: ServiceSettings, _asked: object) -> int:
    for name in await serving.migrate(service, settings):
        sys.stdout.write(f"applied {name}\n")
    return 0


async def _check(service: Service[Any], settings: ServiceSettings, _asked: object) -> int:
    found = await serving.check(service, settings)
    for result in found.checks:
        bad = result.problem
        sys.stdout.write(f"{result.name}: {told(bad.error()) if bad else 'ok'}\n")
    return 0 if found.ready else 1


async def _openapi(service: Service[Any], _settings: ServiceSettings, _asked: object) -> int:
    routes: list[Route[Any]] = described(service)
    text = json.dumps(document(f"Stowage {service.name}", routes), indent=2, sort_keys=True)
    sys.stdout.write(text + "\n")
    return 0
