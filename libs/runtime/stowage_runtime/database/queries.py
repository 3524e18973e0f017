"""Named queries: SQL lives in ``queries*.sql`` files, each statement under ``-- name: …``."""

import re
from collections.abc import Iterator, Mapping
from importlib.resources import files

from stowage_contracts.errors import Conflict

_NAME = re.compile(r"^-- name: ([a-z0-9_.]+)[ \t]*$", re.MULTILINE)


def load(*packages: str) -> Mapping[str, str]:
    """All queries of the packages by name; raises Conflict where two share a name."""
    queries: dict[str, str] = {}
    for package in packages:
        for name, text in _parse(package):
            if name in queries:
                raise Conflict(f"two queries are named {name!r}", resource=package, code="query")
            queries[name] = text
    return queries


def named(queries: Mapping[str, str], name: str) -> str:
    """The text of a query; a name nobody wrote is a mistake in the code: LookupError."""
    try:
        return queries[name]
    except KeyError:
        raise LookupError(f"no query is named {name!r} in queries.sql") from None


def _parse(package: str) -> Iterator[tuple[str, str]]:
    for source in sorted(files(package).iterdir(), key=lambda each: each.name):
        if not (source.name.startswith("queries") and source.name.endswith(".sql")):
            continue
        parts = _NAME.split(source.read_text("utf-8"))[1:]
        for name, text in zip(parts[::2], parts[1::2], strict=True):
            yield name, text.strip().rstrip(";")
