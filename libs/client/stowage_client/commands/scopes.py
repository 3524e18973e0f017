"""Scopes as people write them: ``zone:ID``, ``pod:ID``, ``cluster:ID``, ``host:ID``."""

from typing import Annotated

import typer
from stowage_contracts.errors import InvalidInput
from stowage_contracts.values import Scope, ScopeType

In = Annotated[
    str, typer.Option("--scope", help="zone:ID, pod:ID, cluster:ID or host:ID.", metavar="SCOPE")
]
_TYPES = [kind.value for kind in ScopeType if kind is not ScopeType.REGION]


def parsed(text: str) -> tuple[str, str]:
    """Its type and the id it names. Raises InvalidInput."""
    kind, _, key = text.partition(":")
    if kind not in _TYPES or not key:
        raise InvalidInput(
            f"{text!r} is no scope", code="argument", hint=", ".join(f"{k}:ID" for k in _TYPES)
        )
    return kind, key


def told(scope: Scope) -> str:
    """Back as it is written."""
    return f"{scope.type}:{scope.id}" if scope.id else scope.type.value
