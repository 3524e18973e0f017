"""Query strings and bodies into models; a refusal names every bad field, never its value."""

import asyncio
from typing import Any, get_origin

from aiohttp import web
from aiohttp.web_protocol import RequestPayloadError
from multidict import MultiMapping
from pydantic import BaseModel, ValidationError
from stowage_contracts.errors import InvalidInput

_REPEATED = (list, tuple, set, frozenset)


def read_query(model: type[BaseModel] | None, given: MultiMapping[str]) -> Any:
    """An instance of ``model`` (None without one); raises InvalidInput ``invalid.query``."""
    if model is None:
        return None
    names = {field.alias or name: field for name, field in model.model_fields.items()}
    data: dict[str, Any] = {}
    for name in set(given):
        info = names.get(name)
        repeated = info is not None and get_origin(info.annotation) in _REPEATED
        data[name] = given.getall(name) if repeated else given[name]
    try:
        return model.model_validate(data)
    except ValidationError as error:
        raise refusal(error, "query") from None


async def read_body(model: type[BaseModel] | None, request: web.Request, seconds: float) -> Any:
    """An instance of ``model`` (None without one); raises InvalidInput ``invalid.body``."""
    if model is None:
        return None
    if request.content_type.partition("+")[2] != "json" and not _json(request.content_type):
        raise web.HTTPUnsupportedMediaType
    raw = await read_raw(request, seconds)
    try:
        return model.model_validate_json(raw)
    except ValidationError as error:
        raise refusal(error, "body") from None


async def read_raw(request: web.Request, seconds: float) -> bytes:
    """The body as sent; raises InvalidInput ``invalid.body`` where it cannot be decoded."""
    try:
        async with asyncio.timeout(seconds):
            return await request.read()
    except TimeoutError:
        raise web.HTTPRequestTimeout from None
    except RequestPayloadError:
        raise InvalidInput("the body cannot be decoded", code="body") from None


def refusal(error: ValidationError, part: str) -> InvalidInput:
    """The same as InvalidInput, its details a list of fields with what is wrong in each."""
    rows = error.errors(include_url=False, include_input=False, include_context=False)
    fields = [
        {"field": ".".join(map(str, r["loc"])), "problem": _said(r["msg"])} for r in rows[:20]
    ]
    told = "; ".join(f"{row['field'] or part}: {row['problem']}" for row in fields[:5])
    return InvalidInput(told, code=part, fields=fields)


def _said(message: str) -> str:
    """In the words of the rule itself, where it is one of ours."""
    return message.removeprefix("Value error, ")


def _json(content_type: str) -> bool:
    return content_type in {"application/json", "application/octet-stream"}
