"""Links that commands with ``extract`` in their name make: the rows of ``POST …/links``.

The URL is made when a job is asked for, and kept nowhere.
"""

from collections.abc import Mapping
from dataclasses import replace
from math import ceil
from typing import Any

from stowage_contracts.errors import GrantRefused
from stowage_contracts.messages.image_store import LinkMade, MakeLink
from stowage_runtime.service import Desk

from api_gateway.cloudstack.asks import Ask
from api_gateway.cloudstack.errors import PARAMETER, Refused
from api_gateway.cloudstack.jobs import Job
from api_gateway.links import LinkView
from api_gateway.orders import ask as ask_owner
from api_gateway.routes.objects.linking import link_to

MODE = "HTTP_DOWNLOAD"


def check_mode(ask: Ask) -> None:
    """Raises Refused for modes that are none, and for uploads to an FTP server."""
    mode = ask.text("mode").upper()
    if mode == "FTP_UPLOAD":
        raise Refused(PARAMETER, f"mode FTP_UPLOAD is not supported: use {MODE}")
    if mode != MODE:
        raise Refused(PARAMETER, f"{mode[:32]!r} is no mode: use {MODE}")


async def new_link(found: Mapping[str, Any], ask: Ask) -> LinkView:
    """A link to an object, proven: its owner has made a URL of it once. Raises StowageError."""
    call = replace(ask.call, principal=ask.principal, body=None)
    async with ask.desk.transaction() as tx:
        link = await link_to(found, call, tx, ask.deps)
        now = tx.now
    seconds = ceil((link.expires - now).total_seconds())
    await ask_owner(ask.desk, _question(link, found["account_id"], seconds), LinkMade)
    return link


async def linked(job: Job, desk: Desk) -> dict[str, Any]:
    """ExtractResponse of the link ``facts["link_id"]``, with a URL while it lives."""
    async with desk.transaction() as tx:
        row = await tx.row("link", job.facts["link_id"], None)
        found = await tx.row("resource", job.noun, job.subject_id)
        now = tx.now
    if row is None or found is None:
        return _told(job, {}, "DOWNLOAD_URL_NOT_CREATED")
    link, state = LinkView.of(row), found["state"]
    seconds = ceil((link.expires - now).total_seconds())
    if link.revoked is not None or seconds <= 0 or state.get("removed"):
        return _told(job, state, "DOWNLOAD_URL_NOT_CREATED")
    try:
        question = _question(link, state["account_id"], seconds)
        only = question.model_copy(update={"store_id": job.facts.get("store_id")})
        made = await ask_owner(desk, only, LinkMade)
    except GrantRefused:
        return _told(job, state, "DOWNLOAD_URL_NOT_CREATED")
    return {**_told(job, state, "DOWNLOAD_URL_CREATED"), "url": made.url.get_secret_value()}


def _question(link: LinkView, account_id: str, seconds: int) -> MakeLink:
    return MakeLink(
        link_id=link.id,
        object=link.object,
        account_id=account_id,
        seconds=seconds,
        file_name=link.file_name,
    )


def _told(job: Job, state: Mapping[str, Any], how: str) -> dict[str, Any]:
    return {
        "id": job.subject_id,
        "name": state.get("name"),
        "extractId": job.facts["link_id"],
        "accountid": job.account_id,
        "created": job.created,
        "state": how,
        "status": how,
        "extractMode": MODE,
        "zoneid": job.facts.get("zone_id") or None,
    }
