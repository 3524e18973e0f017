"""Conditional reads: who has an answer already is told just that."""

import hashlib
import re

from aiohttp import web

from stowage_runtime.http import JSON

_TAG = re.compile(r'"[^"]*"')


def unless_known(request: web.Request, response: web.Response) -> web.Response:
    """``response`` with an entity tag, its own or one of its bytes; 304 where If-None-Match has it.

    What may not be stored has none.
    """
    plain = response.status == 200 and response.content_type == JSON
    if request.method != "GET" or not plain or "Cache-Control" in response.headers:
        return response
    tag = response.headers.get("ETag") or _tag_of(response)
    response.headers["ETag"] = tag
    known = request.headers.get("If-None-Match", "")
    if tag in _TAG.findall(known) or known.strip() == "*":
        return web.Response(status=304, headers={"ETag": tag})
    return response


def _tag_of(response: web.Response) -> str:
    body = response.body if isinstance(response.body, bytes) else b""
    return f'"{hashlib.blake2b(body, digest_size=9).hexdigest()}"'
