"""What callers send: strict, so that a misspelt field is refused and not ignored."""

import math
from typing import Any

from pydantic import ConfigDict, TypeAdapter, ValidationError, model_validator
from stowage_contracts.errors import InvalidInput
from stowage_contracts.values import Id, Value

_ID = TypeAdapter[str](Id)


class Given(Value):
    """A body or query of a request; holds nothing that a database could not keep."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _storable(cls, data: Any) -> Any:
        check_storable(data)
        return data


def check_storable(data: Any) -> None:
    """Raises ValueError for NUL characters and numbers JSON does not have, however deep."""
    if isinstance(data, str):
        _check_text(data)
    elif isinstance(data, float) and not math.isfinite(data):
        raise ValueError("a number must be finite")
    elif isinstance(data, dict):
        for name, value in data.items():
            check_storable(name)
            check_storable(value)
    elif isinstance(data, list):
        for value in data:
            check_storable(value)


def _check_text(text: str) -> None:
    if "\0" in text:
        raise ValueError("text must not hold a NUL character")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("text must be valid Unicode") from None


def is_id(text: str) -> bool:
    """Whether ``text`` could be a resource's id at all."""
    try:
        _ID.validate_python(text)
    except ValidationError:
        return False
    return True


def check_header(name: str, text: str, longest: int) -> str:
    """``text`` itself; raises InvalidInput unless it is printable ASCII of bounded length."""
    if len(text) > longest or not text.isascii() or not text.isprintable():
        raise InvalidInput(
            f"{name} has at most {longest} printable ASCII characters",
            code=name.lower().replace("-", "_"),
        )
    return text
