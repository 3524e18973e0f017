"""Who this agent is: enrolled once with a join token, then kept in a file of mode 600."""

import os
from pathlib import Path

import aiohttp
from pydantic import ValidationError
from stowage_contracts.errors import InvalidInput, Problem, Unavailable
from stowage_contracts.values import HypervisorKind, Id, Location, Name, Secret, Value
from stowage_runtime.crossing import check_crossing

from hypervisor_agent.settings import Settings

FILE = "identity.json"
ENROL_SECONDS = 30


class Identity(Value):
    """What the gateway answers to an enrolment."""

    host_id: Id
    name: Name
    hypervisor: HypervisorKind
    location: Location
    amqp_url: Secret
    bus_prefix: str
    ticket_verify_key: str


def kept(folder: Path) -> Identity | None:
    """The identity in a state folder, if there is one. Raises InvalidInput for a broken file."""
    try:
        return Identity.model_validate_json((folder / FILE).read_bytes())
    except FileNotFoundError:
        return None
    except ValidationError:
        raise InvalidInput(
            "the identity file is damaged",
            resource=str(folder / FILE),
            code="identity",
            hint="delete it and enrol again with a new join token",
        ) from None


def keep(folder: Path, identity: Identity) -> None:
    """Write it, readable by this user alone."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    new = folder / f"{FILE}.new"
    new.unlink(missing_ok=True)
    number = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    try:
        os.write(number, identity.model_dump_json().encode())
        os.fsync(number)
    finally:
        os.close(number)
    new.replace(folder / FILE)


async def enrol(settings: Settings) -> Identity:
    """Exchange the join token. Raises InvalidInput, NotAuthorized, Unavailable."""
    if not (settings.agent_gateway_url and settings.agent_host_id):
        raise no_identity()
    check_crossing(
        settings.agent_gateway_url, "STOWAGE_AGENT_GATEWAY_URL", plaintext=settings.plaintext
    )
    url = f"{settings.agent_gateway_url.rstrip('/')}/v1/hosts/{settings.agent_host_id}/enrol"
    body = {"token": settings.agent_join_token.get_secret_value()}
    timeout = aiohttp.ClientTimeout(total=ENROL_SECONDS)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.post(url, json=body, allow_redirects=False) as answer,
        ):
            text = await answer.text()
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise Unavailable(
            f"the gateway does not answer ({type(error).__name__})",
            code="gateway",
            resource=settings.agent_gateway_url,
            hint="check STOWAGE_AGENT_GATEWAY_URL",
        ) from None
    if answer.status == 200:
        return Identity.model_validate_json(text)
    raise _refusal(answer.status, text)


def no_identity() -> InvalidInput:
    """The error of an agent that nobody enrolled."""
    return InvalidInput(
        "this agent has no identity yet",
        resource="hypervisor-agent",
        code="identity",
        hint="set STOWAGE_AGENT_GATEWAY_URL, _HOST_ID and _JOIN_TOKEN, then run `join`",
    )


def _refusal(status: int, text: str) -> Exception:
    try:
        return Problem.model_validate_json(text).error()
    except ValidationError:
        return Unavailable(f"the gateway answered {status}", code="gateway")
