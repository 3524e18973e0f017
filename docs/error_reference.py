"""What every error code means, read from the code that raises them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any

import hypervisor_agent.gate
from stowage_contracts import errors
from stowage_contracts.errors import Retry, StowageError
from stowage_runtime.http.problems import HTTP_CODES

EVERY = "every service"
ROOTS = ("libs/*/stowage_*", "services/*/*")
_GATE = re.compile(r"^(image\.\w+)\s{2,}(.+)$", re.MULTILINE)
HEAD = """# Errors

Every problem has a `code`; `type` is its address at the gateway (`GET /v1/errors/{code}`). What is
*final* fails again however often it is sent; *again* may succeed later, *elsewhere* at another
place. A `…` stands for what differs each time. A code that is not listed is of the family before
its dot.

| code | status | retry | cause | hint | said by |
|---|---|---|---|---|---|
"""


@dataclass(frozen=True)
class Kind:
    """A class of errors."""

    prefix: str
    status: int
    retry: Retry
    title: str


@dataclass
class Code:
    """One code, and everything that is ever said with it."""

    kind: Kind
    causes: list[str] = field(default_factory=list)
    hints: list[str] = field(default_factory=list)
    said_by: list[str] = field(default_factory=list)

    def add(self, cause: str, hint: str, who: str) -> None:
        """One more place that says it."""
        for told, kept in ((cause, self.causes), (hint, self.hints), (who, self.said_by)):
            if told and told not in kept:
                kept.append(told)


def catalogue() -> list[dict[str, Any]]:
    """An entry for each code, in the order of codes."""
    known = _known()
    found = {kind.prefix: Code(kind) for kind in known.values()}
    for who, module in _modules():
        kinds = known | _own(module, known)
        for call in _made(module, kinds):
            _learn(found, kinds[call.func.id], call, who)  # type: ignore[attr-defined]
    for code, meaning in _GATE.findall(hypervisor_agent.gate.__doc__ or ""):
        gate = found.setdefault(code, Code(known["ImageRefused"]))
        gate.add(f"the image {meaning}", "", "hypervisor-agent")
    for status, code in HTTP_CODES.items():
        kind = Kind(code, status, Retry.FINAL, HTTPStatus(status).phrase)
        found.setdefault(code, Code(kind)).add("", "", EVERY)
    return [_entry(code, found[code]) for code in sorted(found)]


def reference() -> str:
    """The same as a page."""
    return HEAD + "".join(map(_row, catalogue()))


def _row(told: dict[str, Any]) -> str:
    cells = (
        f'<a id="{told["code"]}"></a>`{told["code"]}`',
        str(told["status"]),
        told["retry"],
        _cell(told["causes"] or [told["title"]]),
        _cell(told["hints"]),
        ", ".join(told["said_by"]),
    )
    return f"| {' | '.join(cells)} |\n"


def _cell(lines: list[str]) -> str:
    return "<br>".join(line.replace("|", "\\|").replace("<", "&lt;") for line in lines)


def _entry(code: str, told: Code) -> dict[str, Any]:
    return {
        "code": code,
        "title": told.kind.title,
        "status": told.kind.status,
        "retry": told.kind.retry.value,
        "causes": sorted(told.causes),
        "hints": sorted(told.hints),
        "said_by": sorted(told.said_by),
    }


def _known() -> dict[str, Kind]:
    """The classes everybody has."""
    return {
        each.__name__: Kind(each.prefix, each.status, each.retry, (each.__doc__ or "").rstrip("."))
        for each in vars(errors).values()
        if isinstance(each, type) and issubclass(each, StowageError)
    }


def _own(module: ast.Module, known: dict[str, Kind]) -> dict[str, Kind]:
    """Classes of one module that tell another status."""
    found = {}
    for node in module.body:
        if not isinstance(node, ast.ClassDef):
            continue
        base = next((known.get(b.id) for b in node.bases if isinstance(b, ast.Name)), None)
        status = next(filter(None, map(_status, node.body)), None)
        if base is not None and status is not None:
            title = (ast.get_docstring(node) or base.title).split("\n")[0].rstrip(".")
            found[node.name] = Kind(base.prefix, status, base.retry, title)
    return found


def _status(node: ast.stmt) -> int | None:
    if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
        value = node.value
        if node.targets[0].id == "status" and isinstance(value, ast.Constant):
            return int(str(value.value))
    return None


def _modules() -> Iterator[tuple[str, ast.Module]]:
    """Every module, and whose it is."""
    for path in sorted(path for root in ROOTS for path in Path().glob(f"{root}/**/*.py")):
        yield path.parts[1] if path.parts[0] == "services" else EVERY, ast.parse(path.read_text())


def _made(module: ast.Module, kinds: dict[str, Kind]) -> Iterator[ast.Call]:
    """Where an error is made, with a cause."""
    for node in ast.walk(module):
        named = isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
        if named and node.args and node.func.id in kinds:  # type: ignore[attr-defined]
            yield node  # type: ignore[misc]


def _learn(found: dict[str, Code], kind: Kind, call: ast.Call, who: str) -> None:
    words = {word.arg: word.value for word in call.keywords}
    own = _text(words["code"]) if "code" in words else ""
    if own is None or " / " in own:
        return
    code = f"{kind.prefix}.{own}" if own else kind.prefix
    cause, hint = _text(call.args[0]), _text(words.get("hint"))
    found.setdefault(code, Code(kind)).add(cause or "", hint or "", who)


def _text(node: ast.expr | None) -> str | None:
    """A string as written, with … for what is put into it; None for anything else."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        parts = (str(p.value) if isinstance(p, ast.Constant) else "…" for p in node.values)
        return "".join(parts)
    if isinstance(node, ast.IfExp):
        either = (_text(node.body), _text(node.orelse))
        return " / ".join(text for text in either if text) or None
    return None
