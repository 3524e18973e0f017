"""What CloudStack's answers look like, whatever our tables say: ``facts.json`` is not made of them.

It was read off CloudStack's response classes, and off cloudstack-go's structs for accounts, places
and offerings. ``own`` are fields that no CloudStack has. A command is kind, envelope, object key
and answer.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_FOUND = json.loads(Path(__file__).with_name("facts.json").read_text())
_DATE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d{4}")
_OF_EVERY_ANSWER = {"jobid": "string", "jobstatus": "integer"}
_ERROR = {"errorcode": "integer", "errortext": "string"}
_REFUSAL = {**_ERROR, "uuidList": "array", "cserrorcode": "integer"}
_TYPES: Mapping[str, tuple[type, ...]] = {
    "string": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "number": (int, float),
    "object": (dict,),
    "array": (list,),
    "date": (str,),
}


@dataclass(frozen=True)
class Fact:
    """One command."""

    kind: str
    envelope: str
    object: str
    answer: str


COMMANDS = {name: Fact(*told) for name, told in _FOUND["commands"].items()}
_LOWER = {name.lower(): fact for name, fact in COMMANDS.items()}


def fields(answer: str) -> dict[str, str]:
    """Types of an answer's fields by their names."""
    told = [_FOUND["answers"][answer], _FOUND["own"].get(answer, {})]
    named = {name: kind for each in told for kind, names in each.items() for name in names.split()}
    return {**_OF_EVERY_ANSWER, **named}


def check(command: str, status: int, envelope: str, body: Mapping[str, Any]) -> None:
    """Raises AssertionError for an answer no CloudStack would give."""
    fact = _LOWER.get(command.lower())
    if status != 200:
        assert envelope in ({"errorresponse"} | ({fact.envelope} if fact else set())), envelope
        _check_row(command, body, _REFUSAL)
        assert set(body) == set(_REFUSAL)
        return
    assert fact is not None, f"facts.json has no {command}"
    assert envelope == fact.envelope, f"{command}: {envelope}"
    if fact.kind != "sync":
        made = {"id": "string"} if fact.kind == "async-create" else {}
        _check_row(command, body, {"jobid": "string", **made})
        assert set(body) == {"jobid", *made}, f"{command}: {body}"
        return
    _check_body(command, fact, body)
    if fact.answer == "AsyncJobResponse":
        for job in body.get(fact.object, [body] if not fact.object else []):
            _check_job(job)


def _check_body(command: str, fact: Fact, body: Mapping[str, Any]) -> None:
    if not fact.object or fact.answer == "SuccessResponse":
        _check_row(command, body, fields(fact.answer))
        return
    if set(body) == {"success"}:
        return
    assert set(body) <= {"count", fact.object}, f"{command}: {sorted(body)}"
    _check_typed(command, "count", body.get("count", 1), "integer")
    inner = body.get(fact.object, [])
    for row in inner if isinstance(inner, list) else [inner]:
        _check_row(command, row, fields(fact.answer))


def _check_job(job: Mapping[str, Any]) -> None:
    if job["jobstatus"] == 0:
        assert "jobresult" not in job
        return
    assert job["jobresulttype"] == "object"
    result = job["jobresult"]
    if job["jobstatus"] == 2:
        _check_row("a failed job", result, _ERROR)
        assert set(result) == set(_ERROR)
        return
    fact = _LOWER[job["cmd"].lower()]
    if "success" in result:
        _check_row(job["cmd"], result, fields("SuccessResponse"))
        return
    assert set(result) == {fact.object}, f"{job['cmd']}: {sorted(result)}"
    _check_row(job["cmd"], result[fact.object], fields(fact.answer))


def _check_row(command: str, row: Mapping[str, Any], known: Mapping[str, str]) -> None:
    assert isinstance(row, dict), f"{command}: {row!r}"
    unknown = set(row) - set(known)
    assert not unknown, f"{command} answers {sorted(unknown)}, which CloudStack does not know"
    for name, value in row.items():
        _check_typed(command, name, value, known[name])


def _check_typed(command: str, name: str, value: Any, kind: str) -> None:
    right = isinstance(value, _TYPES[kind]) and (kind == "boolean" or not isinstance(value, bool))
    assert right, f"{command}: {name} is {value!r}, not {kind}"
    assert kind != "date" or _DATE.fullmatch(value), f"{command}: {name} is {value!r}"
