"""One command to carry out: who asks, with what, and what is at hand."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from stowage_contracts.errors import NotFound
from stowage_runtime.handling.tx import Tx
from stowage_runtime.http import Call
from stowage_runtime.service import Desk

from api_gateway.accounts import Principal
from api_gateway.cloudstack.callers import Caller
from api_gateway.cloudstack.errors import PARAMETER, Refused
from api_gateway.cloudstack.spec import Wire
from api_gateway.deps import Deps
from api_gateway.resources import reference

PAGE = 500
"""Rows of a page, at most and by default (``default.page.size``)."""
ALL = -1
"""The pagesize that wants every row."""


@dataclass(frozen=True)
class Ask:
    """Parameters are read by their declared type; what was not given is empty or None."""

    wire: Wire
    values: Mapping[str, Any]
    caller: Caller
    call: Call
    desk: Desk
    deps: Deps

    @property
    def principal(self) -> Principal:
        """The caller as the rest of the gateway knows it."""
        return self.caller.principal

    def text(self, name: str, missing: str = "") -> str:
        """A string or uuid."""
        return str(self.values.get(name, missing))

    def flag(self, name: str) -> bool | None:
        """A boolean."""
        found: bool | None = self.values.get(name)
        return found

    def number(self, name: str) -> int | None:
        """An integer or long."""
        found: int | None = self.values.get(name)
        return found

    def items(self, name: str) -> tuple[str, ...]:
        """A list."""
        found: tuple[str, ...] = self.values.get(name, ())
        return found

    def pairs(self, name: str) -> dict[str, str]:
        """A map."""
        return dict(self.values.get(name, {}))

    async def entity(self, name: str, noun: str, tx: Tx) -> dict[str, Any]:
        """State of what a uuid parameter names; raises Refused (431) for what is not there."""
        return await self.known(noun, self.text(name), name, tx)

    async def known(self, noun: str, key: str, name: str, tx: Tx) -> dict[str, Any]:
        """As ``entity``, of an id that came in parameter ``name``."""
        try:
            return await reference(noun, key, self.principal, tx)
        except NotFound as error:
            raise Refused(
                PARAMETER,
                f"Unable to execute API command {self.wire.name.lower()} due to invalid value. "
                f"Invalid parameter {name} value={key[:64]} due to incorrect long value format, "
                "or entity does not exist or due to incorrect parameter annotation for the field "
                f"in api cmd class: {error.cause}",
                resource=f"{noun}/{key[:64]}",
            ) from None


@dataclass(frozen=True)
class Paging:
    """Which rows of a list."""

    offset: int
    limit: int | None
    """None: all."""

    @classmethod
    def of(cls, ask: Ask) -> "Paging":
        """Raises Refused for a page without its size, a size without its page, or one too large."""
        page, size = ask.number("page"), ask.number("pagesize")
        if size == ALL and page is None:
            return cls(0, None)
        if (page is None) != (size is None):
            raise Refused(PARAMETER, "page and pagesize go together")
        if page is None or size is None:
            return cls(0, PAGE)
        if not 0 < size <= PAGE:
            raise Refused(PARAMETER, f"pagesize is 1 to {PAGE}, or -1 without page for all")
        return cls((max(page, 1) - 1) * size, size)
