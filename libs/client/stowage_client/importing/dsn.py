"""Dsn: where a CloudStack database is, and who may read it."""

from dataclasses import dataclass, field
from typing import Self
from urllib.parse import parse_qsl, unquote, urlsplit

from stowage_contracts.errors import InvalidInput

PORT, DATABASE = 3306, "cloud"
_SCHEMES = ("mysql", "mariadb")
_OPTIONS = ("ssl_ca",)


@dataclass(frozen=True)
class Dsn:
    """``mysql://user[:password]@host[:port][/database][?ssl_ca=file]``."""

    host: str
    port: int
    user: str
    password: str = field(repr=False)
    database: str
    ssl_ca: str = ""
    """File of the authorities to trust; TLS is then required."""

    @classmethod
    def parse(cls, text: str, password: str = "") -> Self:
        """Raises InvalidInput, which repeats no password."""
        try:
            at = urlsplit(text)
            port = at.port or PORT
        except ValueError:
            raise _wrong("it is no URL") from None
        options = dict(parse_qsl(at.query))
        if at.scheme not in _SCHEMES or not at.hostname or not at.username:
            raise _wrong("it names no user and host of a MySQL or MariaDB")
        if unknown := sorted(set(options) - set(_OPTIONS)):
            raise _wrong(f"unknown option {unknown[0][:40]!r}")
        return cls(
            host=at.hostname,
            port=port,
            user=unquote(at.username),
            password=password or unquote(at.password or ""),
            database=unquote(at.path.strip("/")) or DATABASE,
            ssl_ca=options.get("ssl_ca", ""),
        )

    @property
    def shown(self) -> str:
        """For people: no password."""
        return f"mysql://{self.user}@{self.host}:{self.port}/{self.database}"


def _wrong(cause: str) -> InvalidInput:
    hint = "mysql://user@host[:port]/cloud, the password by --password"
    return InvalidInput(f"the DSN: {cause}", code="dsn", hint=hint)
