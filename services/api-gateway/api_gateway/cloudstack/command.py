"""One command: its looks on the wire, and the function that carries it out."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from api_gateway.cloudstack.answers import Answer
from api_gateway.cloudstack.asks import Ask
from api_gateway.cloudstack.jobs import Follow, Result, at_once, success
from api_gateway.cloudstack.spec import WIRES, Wire


@dataclass(frozen=True)
class Command:
    """A row of the table; what it lacks is told in ``docs/reference/cloudstack-api.md``."""

    name: str
    run: Callable[[Ask], Awaitable[Answer]]
    follow: Follow = at_once
    """When its job is over."""
    result: Result = success
    """What its job tells then."""
    missing: str = ""
    """What of CloudStack's own it does not do; empty: nothing."""
    deprecated: str = ""
    """What to call instead."""
    open: bool = False
    """Anybody may call it, by POST: who that is, it finds out."""

    @property
    def wire(self) -> Wire:
        """Its parameters and envelope."""
        return WIRES[self.name]


def table(commands: Iterable[Command]) -> Mapping[str, Command]:
    """By lower-case name; raises ValueError for a command that is there twice."""
    found: dict[str, Command] = {}
    for command in commands:
        if found.setdefault(command.wire.name.lower(), command) is not command:
            raise ValueError(f"{command.name} is there twice")
    return MappingProxyType(found)
