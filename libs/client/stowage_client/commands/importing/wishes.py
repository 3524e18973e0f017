"""What an operator says on the line of stores and keys."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stowage_contracts.errors import InvalidInput

from stowage_client.commands import given
from stowage_client.importing.keys import DatabaseKey, from_properties
from stowage_client.importing.stores import MAIN, Wishes

_FIELDS = frozenset({"access_key", "secret_key", "key", "temp_url_key"})


@dataclass(frozen=True)
class KeyOptions:
    """How secrets of the database are opened."""

    properties: Path | None
    key: str | None
    secret: str | None
    plain: bool

    def found(self) -> DatabaseKey:
        """Raises InvalidInput."""
        if self.plain:
            return DatabaseKey(plain=True)
        if self.secret:
            return DatabaseKey(secret=_one("db-secret", self.secret))
        if self.properties is not None:
            return from_properties(self.properties, _one("key", self.key) if self.key else "")
        if self.key:
            raise InvalidInput(
                "--key opens db.properties, which is not given",
                code="argument",
                hint="add --db-properties FILE, or give the opened secret by --db-secret",
            )
        return DatabaseKey()


def _one(name: str, source: str) -> str:
    return given.secrets([f"{name}={source}"], ()).get(name, "").strip()


def password(source: str | None) -> str:
    """The database user's; raises InvalidInput."""
    return _one("password", source) if source else ""


@dataclass(frozen=True)
class StoreOptions:
    """What is said of stores, each ``NAME[.field]=…`` or ``NAME:setting=…``."""

    at: Iterable[str]
    settings: Iterable[str]
    secrets: Iterable[str]
    leave_out: Iterable[str]
    read_only: bool

    def wishes(self, key: DatabaseKey) -> Wishes:
        """Raises InvalidInput."""
        return Wishes(
            key=key,
            roots=dict(map(given.pair, self.at)),
            settings=_nested(self.settings, ":", given.read),
            secrets=self._secrets(),
            leave_out=frozenset(self.leave_out),
            read_only=self.read_only,
        )

    def _secrets(self) -> dict[str, dict[str, str]]:
        """By store and field; one without a field is its provider's main secret."""
        found: dict[str, dict[str, str]] = {}
        for name, secret in given.secrets(self.secrets, ()).items():
            store, _, field = name.rpartition("/")
            if field not in _FIELDS:  # stores are often named by their URL
                store, field = name, MAIN
            found.setdefault(store, {})[field] = secret
        return found


def _nested(pairs: Iterable[str], mark: str, read: Any) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for text in pairs:
        name, value = given.pair(text)
        store, marked, field = name.rpartition(mark)
        if not marked or not store or not field:
            raise InvalidInput(f"{name!r} is not STORE{mark}NAME", code="argument")
        found.setdefault(store, {})[field] = read(value)
    return found
