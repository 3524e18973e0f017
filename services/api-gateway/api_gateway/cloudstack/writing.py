"""Answers in the two languages of the API, JSON and XML."""

import json
from collections.abc import Mapping
from typing import Any
from xml.sax.saxutils import escape

JSON = "application/json; charset=UTF-8"
XML = "text/xml; charset=UTF-8"
VERSION = "4.22.0.0"
"""The CloudStack whose API is spoken."""


def written(envelope: str, body: Mapping[str, Any], *, as_json: bool) -> tuple[bytes, str]:
    """Bytes and media type of ``{envelope: body}``."""
    if as_json:
        return json.dumps({envelope: body}, ensure_ascii=False).encode(), JSON
    root = "".join(_elements(name, value) for name, value in body.items())
    head = f'<?xml version="1.0" encoding="UTF-8"?><{envelope} cloud-stack-version="{VERSION}">'
    return f"{head}{root}</{envelope}>".encode(), XML


def _elements(name: str, value: Any) -> str:
    if isinstance(value, list | tuple):
        return "".join(_elements(name, item) for item in value)
    if isinstance(value, Mapping):
        inner = "".join(_elements(str(key), item) for key, item in value.items())
    elif isinstance(value, bool):
        inner = "true" if value else "false"
    else:
        inner = escape(str(value))
    return f"<{name}>{inner}</{name}>"
