"""Database: a CloudStack's tables as they stood at one moment, read and never written."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self

from stowage_contracts.errors import InvalidInput, NotAuthorized, StowageError, Unavailable

from stowage_client.importing.dsn import Dsn

Row = Mapping[str, Any]
CONNECT_SECONDS = 15
_DENIED, _UNKNOWN_DATABASE, _NOT_GRANTED = (1044, 1045), 1049, (1142, 1143)
_NO_SYNTAX = 1064


class Database:
    """One connection in one read-only transaction. Blocking; called in one thread at a time."""

    def __init__(self, dsn: Dsn, seconds: float) -> None:
        """``seconds``: how long any one statement may take. Raises InvalidInput (``extra``)."""
        self.dsn = dsn
        self._driver, self._cursors = _driver()
        self._connection = self._connected(seconds)
        self.tables: dict[str, frozenset[str]] = {}
        """Columns by table; what a CloudStack has depends on its age."""
        try:
            self._begin()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the transaction, leaving nothing."""
        with suppress(self._driver.Error):
            self._connection.close()

    def rows(self, query: str, *values: Any) -> list[Row]:
        """All rows of a SELECT; times are aware. Raises Unavailable, NotAuthorized."""
        try:
            with self._connection.cursor(self._cursors.DictCursor) as cursor:
                cursor.execute(query, values or None)
                return [_aware(row) for row in cursor.fetchall()]
        except self._driver.Error as error:
            raise self._told(error) from error

    def those(self, query: str, numbers: Iterable[int]) -> list[Row]:
        """Rows of a SELECT that ends in ``IN``, for some numbers; none for none."""
        wanted = sorted(set(numbers))
        marks = ", ".join(["%s"] * len(wanted))
        return self.rows(f"{query} ({marks})", *wanted) if wanted else []

    def count(self, table: str) -> int:
        """Rows of a table."""
        return int(self.rows(f"SELECT COUNT(*) AS n FROM {table}")[0]["n"])  # noqa: S608 - a name of ours

    def columns(self, table: str, names: Sequence[str], alias: str = "") -> str:
        """What to SELECT of a table: those columns it has, and NULL for the others."""
        there, of = self.tables.get(table, frozenset()), f"{alias}." if alias else ""
        return ", ".join(f"{of}`{n}` AS `{n}`" if n in there else f"NULL AS `{n}`" for n in names)

    def _connected(self, seconds: float) -> Any:
        dsn = self.dsn
        try:
            return self._driver.connect(
                host=dsn.host,
                port=dsn.port,
                user=dsn.user,
                password=dsn.password,
                database=dsn.database,
                charset="utf8mb4",
                autocommit=True,
                connect_timeout=CONNECT_SECONDS,
                read_timeout=seconds,
                write_timeout=seconds,
                local_infile=False,
                ssl={"ca": dsn.ssl_ca} if dsn.ssl_ca else None,
            )
        except self._driver.Error as error:
            raise self._told(error) from error
        except OSError as error:  # a certificate's file that is not there
            raise InvalidInput(f"{error}", resource=dsn.shown, code="dsn") from error

    def _begin(self) -> None:
        """One moment of all tables, in which nothing can be written."""
        self.rows("SET time_zone = '+00:00'")
        self.rows("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        try:
            self.rows("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY")
        except _TooOld:  # MySQL 5.5 has no word for it; nothing but SELECTs are said anyway
            self.rows("START TRANSACTION WITH CONSISTENT SNAPSHOT")
        found: dict[str, set[str]] = {}
        for row in self.rows(
            "SELECT table_name AS t, column_name AS c FROM information_schema.columns"
            " WHERE table_schema = DATABASE()"
        ):
            found.setdefault(row["t"].lower(), set()).add(row["c"].lower())
        self.tables = {table: frozenset(columns) for table, columns in found.items()}

    def _told(self, error: Exception) -> StowageError:
        number = error.args[0] if error.args else 0
        if number in _DENIED or number in _NOT_GRANTED:
            hint = "it needs SELECT on the whole database, and nothing else"
            return NotAuthorized(_words(error), resource=self.dsn.shown, hint=hint, code="database")
        if number == _UNKNOWN_DATABASE:
            return InvalidInput(_words(error), resource=self.dsn.shown, code="database")
        if number == _NO_SYNTAX:
            return _TooOld(_words(error), resource=self.dsn.shown, code="sql")
        hint = "is it running there, and does it let this machine in?"
        return Unavailable(_words(error), resource=self.dsn.shown, hint=hint, code="database")


class _TooOld(InvalidInput):
    """The server does not know the statement."""


def _words(error: Exception) -> str:
    """What the server said; it repeats no password."""
    return " ".join(str(part) for part in error.args[1:]) or type(error).__name__


def _aware(row: Row) -> Row:
    """CloudStack writes UTC into columns that know no zone."""
    return {
        name: value.replace(tzinfo=UTC) if isinstance(value, datetime) else value
        for name, value in row.items()
    }


def _driver() -> tuple[Any, Any]:
    try:
        import pymysql
        import pymysql.cursors
    except ImportError as error:
        raise InvalidInput(
            "reading MySQL and MariaDB needs PyMySQL, which is not installed",
            code="extra",
            hint="pip install 'stowage-client[import]'",
        ) from error
    return pymysql, pymysql.cursors
