"""The wire as data: every command with its parameters, every answer with its fields.

Read off CloudStack's own annotations (main, 4.23): names, types and ``since`` are theirs.
"""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from types import MappingProxyType
from typing import Any

LONGEST = 255
"""Characters of a text parameter that names no length of its own."""
_OF_LISTS = ("keyword string", "page integer", "pagesize integer")


@dataclass(frozen=True)
class Param:
    """One parameter of a command."""

    name: str
    type: str
    """string, uuid, boolean, integer, long, date, map, list<string> or list<uuid>."""
    of: str = ""
    """What a uuid is of."""
    required: bool = False
    length: int = LONGEST
    since: str = ""
    admin: bool = False
    """Only looked at when an admin says it."""

    @classmethod
    def read(cls, line: str) -> "Param":
        """``name! type [Of] [length=n] [since=v] [admin]``."""
        name, type_, *rest = line.split()
        facts = dict(word.split("=") for word in rest if "=" in word)
        of = [word for word in rest if "=" not in word and word != "admin"]
        return cls(
            name.removesuffix("!"),
            type_,
            of[0] if of else "",
            name.endswith("!"),
            int(facts.get("length", LONGEST)),
            facts.get("since", ""),
            "admin" in rest,
        )


@dataclass(frozen=True)
class Wire:
    """How one command looks on the wire."""

    name: str
    kind: str
    """sync, async, or async-create: its job's start tells the new id."""
    envelope: str
    object: str
    """Key of what is answered inside the envelope; empty where there is none."""
    answer: str
    params: tuple[Param, ...]
    since: str = ""
    admin: bool = False
    """Only root admins may call it."""
    manager: bool = False
    """Only admins may call it, of a domain or of all."""
    paged: bool = False

    @property
    def is_async(self) -> bool:
        """Whether it answers a job."""
        return self.kind != "sync"

    @classmethod
    def read(cls, name: str, told: Mapping[str, Any]) -> "Wire":
        """A table of one of the files."""
        paged = bool(told.get("paged"))
        lines = (*told.get("params", ()), *(_OF_LISTS if paged else ()))
        return cls(
            name,
            told.get("kind", "sync"),
            told.get("envelope", f"{name.lower()}response"),
            told.get("object", ""),
            told["answer"],
            tuple(map(Param.read, lines)),
            told.get("since", ""),
            bool(told.get("admin")),
            bool(told.get("manager")),
            paged,
        )


def _tables() -> Iterator[tuple[str, dict[str, Any]]]:
    for file in sorted(files(__package__).iterdir(), key=lambda file: file.name):
        if file.name.endswith(".toml") and file.name != "answers.toml":
            yield from tomllib.loads(file.read_text()).items()


def _answers() -> dict[str, Mapping[str, str]]:
    text = (files(__package__) / "answers.toml").read_text()
    return {name: MappingProxyType(fields) for name, fields in tomllib.loads(text).items()}


WIRES: Mapping[str, Wire] = MappingProxyType(
    {name: Wire.read(name, told) for name, told in _tables()}
)
"""By name as CloudStack spells it."""
ANSWERS: Mapping[str, Mapping[str, str]] = MappingProxyType(_answers())
"""Fields of each kind of answer with their types."""
