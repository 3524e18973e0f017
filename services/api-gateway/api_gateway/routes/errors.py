"""Error codes, explained: where every problem's ``type`` leads."""

from collections.abc import Mapping
from functools import cache
from importlib.resources import files

from pydantic import BaseModel, TypeAdapter
from stowage_contracts.errors import NotFound, Retry
from stowage_contracts.values import Value
from stowage_runtime.http import Call, Route
from stowage_runtime.service import Desk

from api_gateway.deps import Deps


class ErrorCode(Value):
    """What a code means, and all that is ever said with it; … stands for what differs."""

    code: str
    title: str
    status: int
    retry: Retry
    causes: tuple[str, ...] = ()
    hints: tuple[str, ...] = ()
    said_by: tuple[str, ...] = ()


class ErrorList(Value):
    """Every code."""

    errors: tuple[ErrorCode, ...]


@cache
def known() -> Mapping[str, ErrorCode]:
    """Codes as they were generated from the code that raises them."""
    raw = files("api_gateway").joinpath("errors.json").read_bytes()
    found = TypeAdapter(ErrorList).validate_json(raw)
    return {each.code: each for each in found.errors}


async def list_errors(call: Call, desk: Desk, deps: Deps) -> BaseModel:
    """All of them, in the order of codes."""
    return ErrorList(errors=tuple(known().values()))


async def show_error(call: Call, desk: Desk, deps: Deps) -> ErrorCode:
    """A code, or the family it is of."""
    code = call.path["code"]
    found = known().get(code) or known().get(code.partition(".")[0])
    if found is None:
        raise NotFound("no such error code", resource=f"error/{code[:64]}")
    return found


_TAGS = ("errors",)
ROUTES: tuple[Route[Deps], ...] = (
    Route(
        "GET",
        "/v1/errors",
        list_errors,
        "List error codes",
        reply=ErrorList,
        auth=False,
        tags=_TAGS,
    ),
    Route(
        "GET",
        "/v1/errors/{code}",
        show_error,
        "Explain an error code",
        reply=ErrorCode,
        auth=False,
        tags=_TAGS,
    ),
)
