"""Removing from a shared broker what one test declared there."""

from __future__ import annotations

import base64
import json
import urllib.request
from typing import Any
from urllib.parse import quote, urlsplit

COLLECTIONS = ("queues/%2F", "exchanges/%2F", "users")


def remove_prefixed(management_url: str, prefix: str) -> None:
    """Delete every queue, exchange and user whose name starts with the prefix."""
    for collection in COLLECTIONS:
        found = _request(management_url, "GET", f"{collection}?columns=name") or []
        for name in (item["name"] for item in found):
            if name.startswith(prefix):
                _request(management_url, "DELETE", f"{collection}/{quote(name, safe='')}")


def _request(management_url: str, method: str, path: str) -> Any:
    parts = urlsplit(management_url)
    credentials = base64.b64encode(f"{parts.username}:{parts.password}".encode()).decode()
    request = urllib.request.Request(
        f"{parts.scheme}://{parts.hostname}:{parts.port}/api/{path}",
        method=method,
        headers={"Authorization": f"Basic {credentials}"},
    )
    with urllib.request.urlopen(request, timeout=30) as reply:
        body = reply.read()
    return json.loads(body) if body else None
