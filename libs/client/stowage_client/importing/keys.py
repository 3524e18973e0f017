"""The key of a CloudStack's database: given, or read from its db.properties with its own key."""

import re
from dataclasses import dataclass, field
from pathlib import Path

from stowage_contracts.errors import InvalidInput

from stowage_client.importing.ciphers import SUPPORTED, opened

_ENCRYPTED = re.compile(r"ENC\((.*)\)")
_TYPES = frozenset({"file", "env", "web"})
"""Where CloudStack finds the key that opens db.properties: we are given it, wherever it is."""


@dataclass(frozen=True)
class DatabaseKey:
    """What opens secrets in the database."""

    secret: str = field(default="", repr=False)
    version: str = ""
    plain: bool = False
    """They stand in clear: that cloud does not encrypt."""

    @property
    def given(self) -> bool:
        """Whether secrets can be read at all."""
        return self.plain or bool(self.secret)

    def open(self, text: str) -> str:
        """A value of the database in clear; raises InvalidInput."""
        return text if self.plain else opened(text, self.secret, version=self.version)


def from_properties(path: Path, management_key: str) -> DatabaseKey:
    """As a management server finds it; raises InvalidInput, which repeats nothing of it."""
    told = _properties(path)
    kind = told.get("db.cloud.encryption.type", "none")
    if kind in ("none", ""):
        return DatabaseKey(plain=True)
    if kind not in _TYPES:
        raise InvalidInput(
            f"encryption type {kind[:40]!r} is not supported",
            code="cipher",
            resource=str(path),
            hint=f"file, env and web are, and of ciphers {SUPPORTED}",
        )
    version = told.get("db.cloud.encryptor.version", "")
    secret = told.get("db.cloud.encrypt.secret", "")
    if sealed := _ENCRYPTED.fullmatch(secret):
        if not management_key:
            raise InvalidInput(
                "the database's secret is encrypted",
                code="key",
                resource=str(path),
                hint="give the management server's key: --key @/etc/cloudstack/management/key",
            )
        secret = opened(sealed[1], management_key)
    if not secret:
        raise InvalidInput("no db.cloud.encrypt.secret", code="key", resource=str(path))
    return DatabaseKey(secret=secret, version=version)


def _properties(path: Path) -> dict[str, str]:
    try:
        lines = path.read_text(errors="replace").splitlines()
    except OSError as error:
        raise InvalidInput(
            f"it cannot be read: {error.strerror}", resource=str(path), code="argument"
        ) from error
    pairs = [line.partition("=") for line in map(str.strip, lines) if line[:1] not in ("#", "!")]
    return {name.strip(): value.strip() for name, equals, value in pairs if equals}
