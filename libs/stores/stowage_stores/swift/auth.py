"""Tokens: the account's address and a token, from Swift v1 or from Keystone v3."""

import json
from dataclasses import dataclass, field
from typing import Any

from stowage_contracts.errors import StowageError, Unavailable

from stowage_stores.swift.errors import AGAIN, refusal, translated
from stowage_stores.swift.http import Answer, Ask, Wire
from stowage_stores.swift.settings import SwiftSettings


@dataclass(frozen=True)
class Access:
    """Where the account is, and what opens it."""

    url: str
    token: str = field(repr=False)


async def access(wire: Wire, settings: SwiftSettings) -> Access:
    """A new token. Raises Unavailable (``auth``, ``region``, ``endpoint`` …)."""
    if settings.auth == "v1":
        found = await _v1(wire, settings)
    else:
        found = await _v3(wire, settings)
    return Access((settings.storage_url or found.url).rstrip("/"), found.token)


async def _v1(wire: Wire, settings: SwiftSettings) -> Access:
    key = settings.key.get_secret_value()
    asked = {"X-Auth-User": settings.user, "X-Auth-Key": key}
    answer = await _asked(wire, settings, Ask("GET", headers=asked))
    told = answer.headers
    found = Access(told.get("X-Storage-Url", ""), told.get("X-Auth-Token", ""))
    return _complete(found, settings.auth_url)


async def _v3(wire: Wire, settings: SwiftSettings) -> Access:
    body = json.dumps({"auth": _identity(settings)}).encode()
    headers = {"Content-Type": "application/json"}
    answer = await _asked(wire, settings, Ask("POST", "/auth/tokens", {}, headers, body))
    try:
        catalogue = json.loads(answer.body)["token"].get("catalog", [])
        url = _endpoint(catalogue, settings)
    except (ValueError, KeyError, TypeError, AttributeError):
        raise _no_logins(settings.auth_url) from None
    return _complete(Access(url, answer.headers.get("X-Subject-Token", "")), settings.auth_url)


def _identity(settings: SwiftSettings) -> dict[str, Any]:
    key = settings.key.get_secret_value()
    if settings.auth == "application_credential":
        told = {"id": settings.user, "secret": key}
        how = {"methods": ["application_credential"], "application_credential": told}
        return {"identity": how}
    user = {"name": settings.user, "domain": {"name": settings.user_domain}, "password": key}
    project = {"name": settings.project, "domain": {"name": settings.project_domain}}
    identity = {"methods": ["password"], "password": {"user": user}}
    return {"identity": identity, "scope": {"project": project}}


def _endpoint(catalogue: list[dict[str, Any]], settings: SwiftSettings) -> str:
    offered = [
        endpoint
        for service in catalogue
        if service["type"] == "object-store"
        for endpoint in service["endpoints"]
        if endpoint["interface"] == settings.interface
    ]
    for endpoint in offered:
        if settings.region in ("", endpoint.get("region_id"), endpoint.get("region")):
            return str(endpoint["url"])
    known = ", ".join(sorted({str(endpoint.get("region_id")) for endpoint in offered})) or "none"
    raise Unavailable(
        f"the catalogue has no {settings.interface} object-store in region {settings.region!r}",
        resource=settings.auth_url,
        code="region",
        hint=f"it has {known}",
    )


async def _asked(wire: Wire, settings: SwiftSettings, ask: Ask) -> Answer:
    with translated(settings.auth_url):
        answer = await wire.send(ask, settings.auth_url, {})
    if answer.good:
        return answer
    raise _refused(answer, settings.auth_url)


def _refused(answer: Answer, resource: str) -> StowageError:
    """Servers answer 401 or 403 to a wrong key; what they say may repeat what was sent."""
    if answer.status in (401, 403):
        hint = "are user and key right?"
        cause = f"the login was refused ({answer.status})"
        return Unavailable(cause, resource=resource, code="auth", hint=hint)
    if 300 <= answer.status < 500 and answer.status not in AGAIN:
        return _no_logins(resource)
    return refusal(Answer(answer.status, {}, b""), resource)


def _complete(found: Access, resource: str) -> Access:
    if not found.url or not found.token:
        raise _no_logins(resource)
    return found


def _no_logins(resource: str) -> Unavailable:
    hint = "give the address of v1 (…/auth/v1.0) or of Keystone (…/v3)"
    return Unavailable("no login was answered", resource=resource, code="auth_url", hint=hint)
