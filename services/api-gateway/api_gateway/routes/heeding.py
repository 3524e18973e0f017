"""Request headers that routes heed, as their description tells them."""

from dataclasses import replace

from pydantic import SecretStr
from stowage_runtime.http import JSON, Route

from api_gateway.conditions import CHANGES
from api_gateway.deps import Deps
from api_gateway.idempotency import HEADER

ORDERED = 202
"""Status of what is done once for each key."""


def heeding(route: Route[Deps]) -> Route[Deps]:
    """The route with the headers its kind heeds."""
    told = _read(route) if route.method == "GET" else _changed(route)
    return replace(route, headers=tuple(told.items()))


def _read(route: Route[Deps]) -> dict[str, str]:
    if not route.auth or route.media != JSON or _shows_secret(route):
        return {}
    return {"If-None-Match": "An ETag: 304 while that is what would be answered."}


def _changed(route: Route[Deps]) -> dict[str, str]:
    if route.status != ORDERED or _shows_secret(route):
        return {}
    told = {HEADER: "Sent again with the same key it is done once, and answered as before."}
    if route.method in CHANGES:
        told["If-Match"] = "An ETag, or *: 412 once the resource is no longer as it was then."
    if route.method == "PUT":
        told["If-None-Match"] = "*: 412 where there is such a resource."
    return told


def _shows_secret(route: Route[Deps]) -> bool:
    fields = route.reply.model_fields.values() if route.reply else ()
    return any(field.annotation is SecretStr for field in fields)
