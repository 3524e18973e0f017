"""listApis: what this gateway answers, for clients that ask first."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from api_gateway.cloudstack.answers import Answer, Row, Rows
from api_gateway.cloudstack.asks import Ask
from api_gateway.cloudstack.command import Command
from api_gateway.cloudstack.errors import PARAMETER, Refused
from api_gateway.cloudstack.spec import ANSWERS, Param


@dataclass(frozen=True)
class Discovery:
    """The command, over all the others."""

    commands: Mapping[str, Command]

    async def list_apis(self, ask: Ask) -> Answer:
        """Every command the caller may use, or the one named."""
        wanted = ask.text("name").lower()
        seen = [c for c in self.commands.values() if ask.caller.may(c.wire)]
        found = [c for c in seen if wanted in ("", c.name.lower())]
        if wanted and not found:
            raise Refused(PARAMETER, f"the API name {wanted[:64]} does not exist for this caller")
        return Rows([_told(command) for command in found], len(found))


def _told(command: Command) -> Row:
    wire = command.wire
    return {
        "name": wire.name,
        "description": _description(command),
        "since": wire.since or None,
        "isasync": wire.is_async,
        "related": "",
        "params": [_param(param) for param in wire.params],
        "response": [{"name": n, "type": t.lower()} for n, t in ANSWERS[wire.answer].items()],
    }


def _description(command: Command) -> str:
    text = " ".join((command.run.__doc__ or "").split())
    notes = (
        command.missing and f"Not done: {command.missing}.",
        command.deprecated and f"Deprecated: use {command.deprecated}.",
    )
    return " ".join(filter(None, (text, *notes)))


def _param(param: Param) -> dict[str, Any]:
    told = {
        "name": param.name,
        "description": f"id of a {param.of}" if param.of else param.name,
        "type": param.type.partition("<")[0],
        "length": param.length,
        "required": param.required,
    }
    return {**told, "since": param.since} if param.since else told


def commands(others: Mapping[str, Command]) -> tuple[Command, ...]:
    """The command over ``others`` and itself."""
    found = dict(others)
    discovery = Discovery(found)
    told = (Command("listApis", discovery.list_apis),)
    found.update({command.name.lower(): command for command in told})
    return told
