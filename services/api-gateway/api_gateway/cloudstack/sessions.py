"""Sessions of people: a cookie, and a key that each request repeats.

Only hashes of both are kept. A request that has the cookie and not the key ends the session.
"""

import hashlib
import secrets
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie

from asyncpg import Record
from pydantic import SecretStr
from stowage_contracts.errors import NotAuthorized
from stowage_runtime.handling.tx import Tx
from stowage_runtime.http import Call
from stowage_runtime.service import Desk

from api_gateway.accounts import ROOT_DOMAIN, hash_of
from api_gateway.cloudstack.callers import Caller
from api_gateway.cloudstack.errors import FORBIDDEN, TOO_MANY, Refused
from api_gateway.cloudstack.request import Request
from api_gateway.deps import Deps
from api_gateway.tenancy.passwords import matches

COOKIE, KEY = "JSESSIONID", "sessionkey"
MOST = 20
"""Sessions of one user; the oldest goes."""
FREE_TRIES = 5
"""Logins in a row that may fail before the next one has to wait."""
LONGEST_WAIT, PEACE = 60.0, 900.0
"""Seconds: between tries at most, and after which failures are forgotten."""
_BYTES = 32


@dataclass(frozen=True)
class Login:
    """Who somebody says to be."""

    name: str
    password: SecretStr
    domain_path: str = ""
    """From ROOT, with or without it and its slashes."""
    domain_id: str = ""


@dataclass(frozen=True)
class Session:
    """What a browser holds; secrets."""

    user_id: str
    cookie: str
    key: str


async def open_session(login: Login, desk: Desk, deps: Deps) -> Session:
    """Raises Refused: 531 for wrong words, 429 for too many of them."""
    async with desk.transaction() as tx:
        domain_id = await _domain(login, tx)
        tried = _tried(domain_id, login.name)
        closed = await tx.row("try_login", tried, FREE_TRIES, LONGEST_WAIT, PEACE) is None
        row = await tx.row("login", login.name, domain_id)
    if closed:
        raise Refused(TOO_MANY, "too many logins failed", hint=f"wait {LONGEST_WAIT:.0f} seconds")
    right = await matches(login.password, row["password"] if row else None)
    async with desk.transaction() as tx:
        found = await tx.row("caller_of_user", row["id"]) if row and right else None
        if found is None or not found["enabled"]:
            raise Refused(FORBIDDEN, f"Failed to authenticate user {login.name[:64]}")
        await tx.run("login_succeeded", tried)
        return await _opened(found, tx, deps)


async def _opened(user: Record, tx: Tx, deps: Deps) -> Session:
    made = Session(user["user_id"], secrets.token_urlsafe(_BYTES), secrets.token_urlsafe(_BYTES))
    seconds = deps.settings.session_seconds
    row = (hash_of(made.cookie), hash_of(made.key), made.user_id, seconds, MOST)
    await tx.run("add_session", *row)
    return made


async def visitor(request: Request, desk: Desk, deps: Deps) -> Caller | None:
    """Whoever is logged in; None for a request without a session. Raises NotAuthorized."""
    cookie = cookie_of(request.call)
    if cookie is None or request.params.get("apikey"):
        return None
    async with desk.transaction() as tx:
        row = await tx.row("session", hash_of(cookie))
        right = row is not None and secrets.compare_digest(
            row["key_hash"], hash_of(request.params.get(KEY, ""))
        )
        found = await tx.row("caller_of_user", row["user_id"]) if row and right else None
        if found is None or not found["enabled"]:
            await tx.run("end_session", hash_of(cookie))
        else:
            await tx.run("prolong_session", hash_of(cookie), deps.settings.session_seconds)
    if found is None or not found["enabled"]:
        raise NotAuthorized("unable to verify user credentials", code="session")
    return Caller.of(found)


async def close_session(call: Call, desk: Desk) -> None:
    """End the session of the request, if it has one."""
    cookie = cookie_of(call)
    if cookie is not None:
        async with desk.transaction() as tx:
            await tx.run("end_session", hash_of(cookie))


def cookie_of(call: Call) -> str | None:
    """The session's cookie."""
    try:
        found = SimpleCookie(call.headers.get("Cookie", "")).get(COOKIE)
    except CookieError:
        return None
    return found.value if found else None


async def _domain(login: Login, tx: Tx) -> str:
    """Its id; empty for one there is not, in which nobody has a password."""
    if login.domain_id:
        return login.domain_id
    path = login.domain_path.strip("/ ")
    if not path or path.upper() == "ROOT":
        return ROOT_DOMAIN
    full = path if path.upper().startswith("ROOT/") else f"ROOT/{path}"
    return str(await tx.value("domain_of_path", full) or "")


def _tried(domain_id: str, name: str) -> str:
    return hashlib.sha256(f"{domain_id}\n{name}".encode("utf-8", "surrogatepass")).hexdigest()
