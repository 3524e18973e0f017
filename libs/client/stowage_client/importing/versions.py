"""Which schema a database has: told by its version, never by which tables are there."""

import re
from dataclasses import dataclass

from stowage_contracts.errors import InvalidInput

from stowage_client.importing.database import Database

OLDEST, OBJECT_STORES, SEALED_SECRETS = (4, 0), (4, 2), (4, 3)
NEWEST_READ = (4, 23)
_WHOLE = ("complete", "cleanup")
"""Steps after which the tables are those of the release."""
_NUMBER = re.compile(r"(\d+)\.(\d+)(?:\.\d+)*")


@dataclass(frozen=True)
class Version:
    """A CloudStack release's schema."""

    text: str
    number: tuple[int, int]

    @property
    def legacy(self) -> bool:
        """Before image_store: hosts, s3 and swift are the stores. Their tables may be there long
        after that, with copies that nobody keeps."""
        return self.number < OBJECT_STORES

    @property
    def sealed(self) -> bool:
        """Whether the secrets of image stores are encrypted."""
        return self.number >= SEALED_SECRETS

    @property
    def newer(self) -> bool:
        """Newer than any that was read so far."""
        return self.number > NEWEST_READ


def version_of(database: Database) -> Version:
    """Raises InvalidInput where it is no CloudStack's, too old, or being upgraded."""
    if "version" not in database.tables:
        raise _refused(database, "it has no table 'version': it is no CloudStack's", "schema")
    step = database.columns("version", ("version", "step"))
    rows = database.rows(f"SELECT {step} FROM version ORDER BY id")  # noqa: S608 - names of ours
    known = [(row["version"] or "", row["step"] or "Complete") for row in rows]
    found = [(_number(text), text, step) for text, step in known if _NUMBER.match(text)]
    if not found:
        raise _refused(database, "its table 'version' names no release", "schema")
    number, text, step = max(found)
    if step.lower() not in _WHOLE:
        raise _refused(database, f"its upgrade to {text} is not complete ({step})", "upgrading")
    if number < OLDEST:
        raise _refused(database, f"it is of release {text}; 4.0 is the oldest read", "schema")
    return Version(text, number)


def _number(text: str) -> tuple[int, int]:
    found = _NUMBER.match(text)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def _refused(database: Database, cause: str, code: str) -> InvalidInput:
    return InvalidInput(cause, resource=database.dsn.shown, code=code)
