"""Errors that cross a service border.

StowageError
├── InvalidInput          the request itself is wrong                        final
├── NotAuthorized         unknown or insufficient credentials                final
├── NotFound              the resource does not exist                        final
├── Conflict              the resource is in the wrong state                 final
├── NoStrategy            nobody can carry this copy; names what is missing  final
├── ImageRefused          the gate or a checksum refused the bytes           final
├── SourceRefused         the source may not be fetched, or is gone for good final
├── SourceChanged         the source's validator changed mid-copy            again
├── OutOfSpace            the destination cannot hold the bytes              elsewhere
├── Stalled               no bytes moved for the stall limit                 again
├── Unavailable           a store, broker, database or peer does not answer  again
├── TooMany               one caller asks for more than its share         again
├── GrantRefused          an expired, revoked or superseded grant            again
└── Cancelled             somebody asked for it to stop                      final
"""

from enum import StrEnum
from typing import Any, ClassVar

from pydantic import Field

from stowage_contracts.values import Value


class Retry(StrEnum):
    """What may be tried after an error."""

    AGAIN = "again"
    ELSEWHERE = "elsewhere"
    FINAL = "final"


class Problem(Value):
    """An error on the wire: RFC 9457 fields plus code, resource, cause, hint and retry class."""

    code: str = Field(min_length=1)
    title: str = Field(min_length=1)
    status: int = 500
    resource: str = ""
    cause: str = Field(min_length=1)
    hint: str = ""
    retry: Retry = Retry.FINAL
    details: dict[str, Any] = {}

    def error(self) -> "StowageError":
        """The exception this problem came from (the nearest known class)."""
        kind = _BY_CODE.get(self.code.partition(".")[0], StowageError)
        return kind.of(self)


class StowageError(Exception):
    """Something Stowage could not do."""

    prefix: ClassVar[str] = "internal"
    status: ClassVar[int] = 500
    retry: Retry = Retry.FINAL

    def __init__(
        self, cause: str, *, resource: str = "", hint: str = "", code: str = "", **details: Any
    ) -> None:
        super().__init__(cause)
        self.cause, self.resource, self.hint = cause, resource, hint
        self.code = f"{self.prefix}.{code}" if code else self.prefix
        self.details = details

    @property
    def problem(self) -> Problem:
        """The same, ready for the wire."""
        return Problem(
            code=self.code,
            title=(type(self).__doc__ or "").strip().rstrip("."),
            status=self.status,
            resource=self.resource,
            cause=self.cause or self.code,
            hint=self.hint,
            retry=self.retry,
            details=self.details,
        )

    @classmethod
    def of(cls, problem: Problem) -> "StowageError":
        """Rebuild from the wire."""
        error = cls(problem.cause, resource=problem.resource, hint=problem.hint, **problem.details)
        error.code, error.retry = problem.code, problem.retry
        return error


class InvalidInput(StowageError):
    """The request is not valid."""

    prefix, status = "invalid", 400


class NotAuthorized(StowageError):
    """The caller may not do this."""

    prefix, status = "not_authorized", 401


class NotFound(StowageError):
    """The resource does not exist."""

    prefix, status = "not_found", 404


class Conflict(StowageError):
    """The resource is not in a state that allows this."""

    prefix, status = "conflict", 409


class NoStrategy(StowageError):
    """No data motion strategy can carry this copy."""

    prefix, status = "no_strategy", 422


class ImageRefused(StowageError):
    """The image was refused."""

    prefix, status = "image", 422


class SourceRefused(StowageError):
    """The source cannot be fetched."""

    prefix, status = "source", 422


class SourceChanged(StowageError):
    """The source changed while it was read."""

    prefix, status, retry = "source_changed", 409, Retry.AGAIN


class OutOfSpace(StowageError):
    """There is not enough space."""

    prefix, status, retry = "out_of_space", 507, Retry.ELSEWHERE


class Stalled(StowageError):
    """No bytes moved for too long."""

    prefix, status, retry = "stalled", 504, Retry.AGAIN


class Unavailable(StowageError):
    """Something needed does not answer."""

    prefix, status, retry = "unavailable", 503, Retry.AGAIN


class TooMany(StowageError):
    """The caller asks for too much at once."""

    prefix, status, retry = "too_many", 429, Retry.AGAIN


class GrantRefused(StowageError):
    """The grant is expired, revoked or superseded."""

    prefix, status, retry = "grant", 403, Retry.AGAIN


class Cancelled(StowageError):
    """It was cancelled."""

    prefix, status = "cancelled", 409


_BY_CODE = {kind.prefix: kind for kind in StowageError.__subclasses__()}
