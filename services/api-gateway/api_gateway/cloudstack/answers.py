"""What a command answers, before it is written."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from api_gateway.cloudstack.spec import ANSWERS, Wire

Row = Mapping[str, Any]
"""Fields of an answer by their wire names; what is None is left out."""


@dataclass(frozen=True)
class Rows:
    """A list: one page, and how many there are in all."""

    rows: Sequence[Row]
    count: int


@dataclass(frozen=True)
class One:
    """One thing."""

    row: Row


@dataclass(frozen=True)
class Success:
    """It was done."""

    text: str = ""


@dataclass(frozen=True)
class Started:
    """A job goes on with it."""

    job_id: str
    entity_id: str = ""
    """What it makes, where that is known already."""


@dataclass(frozen=True)
class Bare:
    """Fields that stand in the envelope itself."""

    row: Row
    cookies: Mapping[str, str] = field(default_factory=dict)


Answer = Rows | One | Success | Started | Bare


def body_of(answer: Answer, wire: Wire) -> dict[str, Any]:
    """What stands inside the envelope."""
    if isinstance(answer, Rows):
        rows = [fitted(row, wire.answer) for row in answer.rows]
        counted = {"count": answer.count} if answer.count else {}
        return {**counted, **({wire.object: rows} if rows else {})}
    if isinstance(answer, One):
        return {wire.object: fitted(answer.row, wire.answer)}
    if isinstance(answer, Success):
        told = {"displaytext": answer.text} if answer.text else {}
        return {"success": True, **told}
    if isinstance(answer, Started):
        made = {"id": answer.entity_id} if wire.kind == "async-create" else {}
        return {**made, "jobid": answer.job_id}
    return fitted(answer.row, wire.answer)


def fitted(row: Row, answer: str) -> dict[str, Any]:
    """Its fields, each of the type clients decode; raises ValueError for one nobody knows."""
    types = ANSWERS[answer]
    if unknown := set(row) - set(types):
        raise ValueError(f"{answer} has no {', '.join(sorted(unknown))}")
    kept = {name: value for name, value in row.items() if value is not None}
    return {name: _TYPED.get(types[name], _same)(value) for name, value in kept.items()}


def dated(moment: datetime) -> str:
    """``2026-01-02T03:04:05+0000``."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S%z")


def _same(value: Any) -> Any:
    return value


def _date(value: Any) -> str:
    return dated(value if isinstance(value, datetime) else datetime.fromisoformat(value))


def _texts(value: Mapping[str, Any]) -> dict[str, str]:
    return {name: str(text) for name, text in value.items()}


_TYPED: Mapping[str, Callable[[Any], Any]] = {
    "String": str,
    "boolean": bool,
    "int": int,
    "long": int,
    "double": float,
    "Date": _date,
    "Map<String, String>": _texts,
}
