"""``docs/reference/cloudstack-api.md``: every command of the query API, and how far it goes."""

from __future__ import annotations

from collections import Counter

from api_gateway.cloudstack.command import Command
from api_gateway.cloudstack.commands import COMMANDS
from api_gateway.cloudstack.spec import WIRES

HEAD = """# CloudStack's query API

Served at `/client/api` (see [CloudStack's clients](../how-to/cloudstack-clients.md)). *full*: all
of CloudStack's parameters that mean something here are honoured; *partial*: what is missing is
said; *deprecated*: it works, and there is something better. Parameters with `!` are required.

"""


def reference() -> str:
    """The whole document."""
    commands = sorted(COMMANDS.values(), key=lambda command: command.name.lower())
    counted = Counter(_carried(command) for command in commands)
    told = ", ".join(f"{number} {word}" for word, number in sorted(counted.items()))
    known = {command.name for command in commands}
    absent = ", ".join(f"`{name}`" for name in sorted(set(WIRES) - known))
    rows = "".join(_row(command) for command in commands)
    head = "| command | | carried | parameters | missing |\n|---|---|---|---|---|\n"
    tail = f"\nKnown on the wire and not answered (432): {absent}.\n" if absent else ""
    return f"{HEAD}{len(commands)} commands: {told}.\n\n{head}{rows}{tail}"


def _carried(command: Command) -> str:
    if command.deprecated:
        return "deprecated"
    return "partial" if command.missing else "full"


def _row(command: Command) -> str:
    wire = command.wire
    names = " ".join(f"`{p.name}{'!' if p.required else ''}`" for p in wire.params)
    who = " admin" if wire.admin else ""
    instead = f"use {command.deprecated}" if command.deprecated else ""
    missing = "; ".join(filter(None, (instead, command.missing)))
    return f"| {wire.name} | {wire.kind}{who} | {_carried(command)} | {names} | {missing} |\n"
