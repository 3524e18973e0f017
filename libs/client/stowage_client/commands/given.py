"""What people give on the line: settings, and secrets that should not stand there."""

import getpass
import json
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from stowage_contracts.errors import InvalidInput


def secrets(pairs: Iterable[str], bare: Iterable[str]) -> dict[str, str]:
    """Secrets from ``name=@file``, ``name=env:VARIABLE`` or ``name=-`` (stdin, or a prompt).

    ``bare`` ones are ``name=value``, for who insists. Raises InvalidInput.
    """
    found = {name: _secret(name, source) for name, source in map(pair, pairs)}
    return {**found, **dict(map(pair, bare))}


def asked(names: Iterable[str]) -> dict[str, str]:
    """Secrets typed at a terminal; raises InvalidInput, naming them, where there is none."""
    wanted = list(names)
    if wanted and not sys.stdin.isatty():
        raise InvalidInput(
            f"missing: {', '.join(wanted)}",
            code="secret",
            hint=f"--secret {wanted[0]}=@file, {wanted[0]}=env:VARIABLE or {wanted[0]}=-",
        )
    return {name: getpass.getpass(f"{name}: ") for name in wanted}


def pair(text: str) -> tuple[str, str]:
    """``name=value``; raises InvalidInput, not repeating the value."""
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise InvalidInput(f"{name or text!r} is not name=value", code="argument")
    return name, value


def read(text: str) -> Any:
    """What is JSON is taken as such, all else as text."""
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
