"""What every command shares: where the gateway is, how to answer, how to fail."""

import asyncio
import json
import os
import sys
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import typer
from pydantic import BaseModel
from rich.console import Console
from rich.table import Table
from stowage_contracts.errors import InvalidInput, Problem, StowageError

from stowage_client.client import Client

INTERRUPTED = 130
PIPED_WIDTH = 1000
"""Nothing is cut or folded where no terminal is."""
Row = Sequence[object]


@dataclass(frozen=True)
class Shell:
    """One invocation: its options and its outlets."""

    url: str
    api_key: str
    json: bool
    out: Console
    err: Console

    def run(self, work: Callable[[Client], Awaitable[None]]) -> None:
        """Do ``work`` with a client; a problem is printed and ends the command with 1."""
        try:
            asyncio.run(self._with_client(work))
        except StowageError as error:
            self.fail(error.problem)
        except KeyboardInterrupt:
            raise typer.Exit(INTERRUPTED) from None
        except BrokenPipeError:  # whoever read our output has had enough
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(1) from None

    async def _with_client(self, work: Callable[[Client], Awaitable[None]]) -> None:
        if not self.api_key:
            raise InvalidInput(
                "no API key given",
                code="api_key",
                resource="settings",
                hint="set STOWAGE_API_KEY, or give --api-key",
            )
        async with Client(self.url, self.api_key) as client:
            await work(client)

    def fail(self, problem: Problem) -> None:
        """Say what went wrong: code, resource, cause and hint; then exit with 1."""
        if self.json:
            self.err.print(problem.model_dump_json(), soft_wrap=True, markup=False, highlight=False)
        else:
            self.err.print(told(problem), soft_wrap=True, markup=False, highlight=False)
        raise typer.Exit(1)

    def say(self, text: str) -> None:
        """A line for people."""
        self.out.print(text, soft_wrap=True, markup=False, highlight=False)

    def show(self, value: BaseModel, *, without: Collection[str] = ()) -> None:
        """One value: as JSON, or as lines of names and values."""
        fields = value.model_dump(mode="json", exclude=set(without))
        if self.json:
            self._json(fields)
            return
        width = max(map(len, fields), default=0)
        for name, text in fields.items():
            self.say(f"{name:<{width}}  {_plain(text)}")

    def table(
        self, values: Iterable[BaseModel], columns: Sequence[str], row: Callable[[Any], Row]
    ) -> None:
        """Several values: as a JSON list, or as a table."""
        listed = list(values)
        if self.json:
            self._json([value.model_dump(mode="json") for value in listed])
            return
        table = Table(box=None, header_style="bold", pad_edge=False)
        for number, column in enumerate(columns):
            table.add_column(column, overflow="fold", no_wrap=number == 0)
        for value in listed:
            table.add_row(*(_plain(cell) for cell in row(value)))
        self.out.print(table)

    def line(self, value: Any) -> None:
        """One line of JSON, as soon as it is known."""
        sys.stdout.write(json.dumps(value) + "\n")
        sys.stdout.flush()

    def _json(self, value: Any) -> None:
        sys.stdout.write(json.dumps(value, indent=2) + "\n")


def told(problem: Problem) -> str:
    """The problem in lines: code and resource, cause, hint."""
    about = f" ({problem.resource})" if problem.resource else ""
    lines = [f"error: {problem.code}{about}", f"cause: {problem.cause}"]
    return "\n".join([*lines, f"hint: {problem.hint}"] if problem.hint else lines)


def _plain(value: object) -> str:
    if value is None or value == "":
        return "-"
    if isinstance(value, dict | list):
        return json.dumps(value)
    return str(value)


def root(
    context: typer.Context,
    url: Annotated[
        str, typer.Option(envvar="STOWAGE_URL", help="The gateway.")
    ] = "http://127.0.0.1:8080",
    api_key: Annotated[
        str, typer.Option(envvar="STOWAGE_API_KEY", help="Better given by the environment.")
    ] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Answer in JSON.")] = False,
) -> None:
    """Options that may stand anywhere on the line."""
    out = Console(width=None if sys.stdout.isatty() else PIPED_WIDTH)
    context.obj = Shell(url, api_key, as_json, out, Console(stderr=True))


GLOBAL_FLAGS = {"--json"}
GLOBAL_OPTIONS = {"--url", "--api-key"}


def hoisted(arguments: Sequence[str]) -> list[str]:
    """The same line with the global options in front, where the parser wants them."""
    front: list[str] = []
    rest: list[str] = []
    left = iter(arguments)
    for word in left:
        if word == "--":
            return [*front, *rest, word, *left]
        if word in GLOBAL_OPTIONS:
            front += [word, *([value] if (value := next(left, None)) is not None else [])]
        elif word in GLOBAL_FLAGS or word.partition("=")[0] in GLOBAL_OPTIONS:
            front.append(word)
        else:
            rest.append(word)
    return [*front, *rest]
