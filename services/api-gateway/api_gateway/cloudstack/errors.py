"""Errors as CloudStack numbers them."""

from typing import NamedTuple

from stowage_contracts.errors import (
    Conflict,
    InvalidInput,
    NoStrategy,
    NotAuthorized,
    NotFound,
    OutOfSpace,
    StowageError,
    TooMany,
    Unavailable,
)

from api_gateway.accounts import Forbidden


class Code(NamedTuple):
    """An errorcode, which is the HTTP status too, with its cserrorcode."""

    status: int
    cserrorcode: int


UNAUTHORIZED = Code(401, 4365)
METHOD = Code(405, 9999)
TOO_MANY = Code(429, 9999)
MALFORMED = Code(430, 9999)
PARAMETER = Code(431, 4350)
UNSUPPORTED = Code(432, 9999)
AWAY = Code(503, 9999)
INTERNAL = Code(530, 4250)
FORBIDDEN = Code(531, 4365)
CAPACITY = Code(533, 4325)
NOT_THERE = Code(534, 4380)
LIMIT = Code(535, 4370)
IN_USE = Code(536, 4375)
_BY_KIND: tuple[tuple[type[StowageError], Code], ...] = (
    (Forbidden, FORBIDDEN),
    (NotAuthorized, UNAUTHORIZED),
    (InvalidInput, PARAMETER),
    (NotFound, PARAMETER),
    (TooMany, TOO_MANY),
    (Conflict, PARAMETER),
    (OutOfSpace, CAPACITY),
    (NoStrategy, NOT_THERE),
    (Unavailable, NOT_THERE),
)
_BY_CODE = {
    "conflict.account_limit": LIMIT,
    "invalid.busy": TOO_MANY,
    "unavailable.database": AWAY,
    "unavailable.broker": AWAY,
}


class Refused(StowageError):
    """A refusal whose number CloudStack's clients know."""

    prefix, status = "refused", 431

    def __init__(self, code: Code, cause: str, *, resource: str = "", hint: str = "") -> None:
        super().__init__(cause, resource=resource, hint=hint)
        self.number = code


def code_of(error: StowageError) -> Code:
    """What CloudStack would have said."""
    if isinstance(error, Refused):
        return error.number
    by_code = _BY_CODE.get(error.code)
    if by_code is not None:
        return by_code
    return next((code for kind, code in _BY_KIND if isinstance(error, kind)), INTERNAL)


def text_of(error: StowageError) -> str:
    """One line for people: the cause, and what helps."""
    return f"{error.cause} ({error.hint})" if error.hint else error.cause
