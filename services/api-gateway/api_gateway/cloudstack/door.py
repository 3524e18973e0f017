"""/client/api: finds the command, the caller and the parameters; every answer leaves by here."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import structlog
from stowage_contracts.errors import StowageError, Unavailable
from stowage_runtime.http import Call, Reply, Route
from stowage_runtime.service import Desk
from stowage_runtime.telemetry import trace_id

from api_gateway.cloudstack.answers import Bare, body_of
from api_gateway.cloudstack.asks import Ask
from api_gateway.cloudstack.callers import NOBODY, Caller, signer
from api_gateway.cloudstack.command import Command
from api_gateway.cloudstack.commands import COMMANDS
from api_gateway.cloudstack.errors import (
    INTERNAL,
    METHOD,
    UNSUPPORTED,
    Code,
    Refused,
    code_of,
    text_of,
)
from api_gateway.cloudstack.request import Request
from api_gateway.cloudstack.sessions import visitor
from api_gateway.cloudstack.values import read
from api_gateway.cloudstack.writing import written
from api_gateway.deps import Deps

PATH = "/client/api"
UNKNOWN = "errorresponse"
"""Envelope of answers to commands that nobody knows, or that the caller may not use."""
SECONDS = 25.0
log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Told:
    """An answer before it is written."""

    envelope: str
    body: Mapping[str, Any]
    status: int = 200
    text: str = ""
    cookies: Mapping[str, str] = field(default_factory=dict)


async def answer(call: Call, desk: Desk, deps: Deps) -> Reply:
    """Whatever happens, an envelope a CloudStack client can read."""
    as_json = True
    try:
        request = Request.of(call)
        as_json = request.json
        async with asyncio.timeout(SECONDS):
            told = await _told(request, desk, deps)
    except StowageError as error:
        told = _refused(UNKNOWN, code_of(error), text_of(error))
    except TimeoutError:
        told = _refused(UNKNOWN, code_of(Unavailable("")), "the answer was not ready in time")
    raw, media = written(told.envelope, told.body, as_json=as_json)
    headers = {"X-Description": _header(told.text)} if told.text else {}
    return Reply(raw, told.status, headers, media, told.cookies)


async def _told(request: Request, desk: Desk, deps: Deps) -> Told:
    command = COMMANDS.get(request.command.lower())
    caller = NOBODY if command and command.open else await _caller(request, desk, deps)
    command = _allowed(command, request, caller)
    try:
        values = read(command.wire, request.params, admin=caller.admin)
        ask = Ask(command.wire, values, caller, request.call, desk, deps)
        made = await command.run(ask)
        cookies = made.cookies if isinstance(made, Bare) else {}
        return Told(command.wire.envelope, body_of(made, command.wire), cookies=cookies)
    except StowageError as error:
        return _refused(command.wire.envelope, code_of(error), text_of(error))
    except TimeoutError:
        raise
    except Exception as error:
        log.error("cloudstack.failed", command=command.name, exc_info=error)
        text = f"something went wrong inside Stowage; the log has it under trace {trace_id()}"
        return _refused(command.wire.envelope, INTERNAL, text)


async def _caller(request: Request, desk: Desk, deps: Deps) -> Caller:
    with deps.limiter.tries(request.call.remote):
        caller = await visitor(request, desk, deps) or await signer(request, desk, deps)
    deps.limiter.requests.take(caller.user_id)
    return caller


def _allowed(found: Command | None, request: Request, caller: Caller) -> Command:
    if found is None or not caller.may(found.wire):
        raise Refused(
            UNSUPPORTED,
            f"The given command '{request.command[:64]}' either does not exist, is not available "
            "for user, or not available from this address",
        )
    if found.open and request.call.method != "POST":
        raise Refused(METHOD, f"{found.name} is sent by POST")
    return found


def _refused(envelope: str, code: Code, text: str) -> Told:
    body = {
        "uuidList": [],
        "errorcode": code.status,
        "cserrorcode": code.cserrorcode,
        "errortext": text,
    }
    return Told(envelope, body, code.status, text)


def _header(text: str) -> str:
    """On one line, in characters a header may hold."""
    return "".join(letter if " " <= letter <= "~" else " " for letter in text)[:500]


ROUTES: tuple[Route[Deps], ...] = tuple(
    Route(method, PATH, answer, "CloudStack's query API", auth=False, raw=True)
    for method in ("GET", "POST")
)
