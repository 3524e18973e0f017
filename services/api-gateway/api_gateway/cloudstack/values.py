"""Parameters as their commands declare them: typed, bounded, complete."""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

from api_gateway.bodies import is_id
from api_gateway.cloudstack.errors import MALFORMED, PARAMETER, Refused
from api_gateway.cloudstack.spec import Param, Wire

ALL_ZONES = "-1"
_FIELD = re.compile(r"([a-z]+)\[(\d{1,6})\]\.(.+)")


def read(wire: Wire, params: Mapping[str, str], *, admin: bool) -> Mapping[str, Any]:
    """What was given, by name; unknown parameters are ignored. Raises Refused."""
    _check(params)
    found: dict[str, Any] = {}
    for param in wire.params:
        if param.admin and not admin:
            continue
        value = _map(param.name, params) if param.type == "map" else _one(param, params)
        if value is not None:
            found[param.name] = value
        elif param.required:
            raise Refused(
                PARAMETER,
                f"Unable to execute API command {wire.name.lower()} due to missing parameter "
                f"{param.name}",
            )
    return MappingProxyType(found)


def _check(params: Mapping[str, str]) -> None:
    for name, value in params.items():
        if any(letter < " " and letter not in "\t\r\n" for letter in name + value):
            raise Refused(PARAMETER, f"{name[:64]!r} holds a control character")


def _one(param: Param, params: Mapping[str, str]) -> Any:
    text = params.get(param.name, "").strip()
    if not text:
        return None
    if len(text) > param.length and not param.type.startswith("list"):
        raise Refused(PARAMETER, f"{param.name} has more than {param.length} characters")
    return _READ[param.type](param.name, text)


def _text(name: str, text: str) -> str:
    return text


def _uuid(name: str, text: str) -> str:
    if text != ALL_ZONES and not is_id(text):
        raise Refused(PARAMETER, f"Invalid parameter {name} value={text[:64]}: it is no id")
    return text


def _flag(name: str, text: str) -> bool:
    return text.lower() == "true"


def _number(name: str, text: str) -> int:
    try:
        number = int(text)
    except ValueError:
        raise Refused(PARAMETER, f"{name} is no number") from None
    if abs(number) >= 1 << 63:
        raise Refused(PARAMETER, f"{name} is too large")
    return number


def _date(name: str, text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise Refused(PARAMETER, f"{name} is no date: write yyyy-MM-dd HH:mm:ss") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _texts(name: str, text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _uuids(name: str, text: str) -> tuple[str, ...]:
    return tuple(_uuid(name, part) for part in _texts(name, text))


_READ: Mapping[str, Callable[[str, str], Any]] = {
    "string": _text,
    "uuid": _uuid,
    "boolean": _flag,
    "integer": _number,
    "long": _number,
    "date": _date,
    "list<string>": _texts,
    "list<uuid>": _uuids,
}


def _map(name: str, params: Mapping[str, str]) -> dict[str, str] | None:
    """``name[0].key=K, name[0].value=V`` and ``name[0].K=V`` alike; None without any."""
    groups: dict[str, dict[str, str]] = {}
    for sent, value in params.items():
        if not sent.startswith(f"{name}["):
            continue
        match = _FIELD.fullmatch(sent)
        if match is None:
            raise Refused(MALFORMED, f"{sent[:64]} is malformed: write {name}[0].field=value")
        groups.setdefault(match[2], {})[match[3]] = value
    found: dict[str, str] = {}
    for fields in groups.values():
        paired = set(fields) == {"key", "value"}
        found |= {fields["key"]: fields["value"]} if paired else fields
    return found or None
