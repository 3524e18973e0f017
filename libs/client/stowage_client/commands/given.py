"""What people give on the line: settings, and secrets that should not stand there."""

import getpass
import json
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from stowage_contracts.errors import InvalidInput


def settings(pairs: Iterable[str]) -> dict[str, Any]:
    """``name=value`` pairs; a value that is JSON is taken as such. Raises InvalidInput."""
    return {name: _value(text) for name, text in map(_pair, pairs)}


def secrets(pairs: Iterable[str], bare: Iterable[str]) -> dict[str, str]:
    """Secrets from ``name=@file``, ``name=env:VARIABLE`` or ``name=-`` (stdin, or a prompt).

    ``bare`` ones are ``name=value``, for who insists. Raises InvalidInput.
    """
    found = {name: _secret(name, source) for name, source in map(_pair, pairs)}
    return {**found, **dict(map(_pair, bare))}


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise InvalidInput(f"{name or text!r} is not name=value", code="argument")
    return name, value


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _secret(name: str, source: str) -> str:
    if source == "-":
        return _asked(name)
    if source.startswith("@"):
        return _read(name, Path(source[1:]).expanduser())
    if source.startswith("env:"):
        return _from_environment(name, source[4:])
    raise InvalidInput(
        f"the secret {name} must not stand on the command line, where others can read it",
        code="argument",
        hint=f"--secret {name}=@file, {name}=env:VARIABLE or {name}=-",
    )


def _asked(name: str) -> str:
    if sys.stdin.isatty():
        return getpass.getpass(f"{name}: ")
    return sys.stdin.readline().rstrip("\n")


def _read(name: str, path: Path) -> str:
    try:
        return path.read_text().rstrip("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(
            f"the file of secret {name} cannot be read: {error}",
            resource=str(path),
            code="argument",
        ) from error


def _from_environment(name: str, variable: str) -> str:
    try:
        return os.environ[variable]
    except KeyError:
        raise InvalidInput(
            f"the variable of secret {name} is not set", resource=variable, code="argument"
        ) from None
