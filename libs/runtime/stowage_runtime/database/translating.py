"""What PostgreSQL's many errors mean to a caller: away, or asked for something impossible."""

from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg
from stowage_contracts.errors import InvalidInput, Unavailable

_AWAY = (
    OSError,  # refused, reset, TimeoutError
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.OperatorInterventionError,  # shutting down, starting up, terminated
    asyncpg.InsufficientResourcesError,
    asyncpg.InternalClientError,
)
_UNSTORABLE = (asyncpg.CharacterNotInRepertoireError, asyncpg.UntranslatableCharacterError)


@contextmanager
def translated() -> Iterator[None]:
    """Turn every way a database can be away into Unavailable (``unavailable.database``).

    Text that PostgreSQL cannot hold (a NUL) is InvalidInput: trying again would not help.
    """
    try:
        yield
    except _UNSTORABLE as error:
        raise InvalidInput("a text contains a NUL character", code="text") from error
    except _AWAY as error:
        if isinstance(error, ValueError):  # how asyncpg marks a caller's mistake
            raise
        raise Unavailable(
            f"the database does not answer ({type(error).__name__})",
            resource="database",
            code="database",
            hint="it is tried again; look at the PostgreSQL server",
        ) from error
