"""Download links: of one object, one method and a capped life; no URL is ever kept."""

import re
from dataclasses import dataclass
from datetime import timedelta
from math import ceil
from typing import Annotated, Any

from pydantic import BaseModel, Field, StringConstraints
from stowage_contracts.errors import Conflict, GrantRefused, InvalidInput
from stowage_contracts.messages.image_store import LinkMade, MakeLink, RevokeLink
from stowage_contracts.values import Id, Instant, Secret, Value, new_id
from stowage_runtime.handling.tx import Tx
from stowage_runtime.http import Call, Reply, Route
from stowage_runtime.service import Desk

from api_gateway.bodies import Given
from api_gateway.deps import Deps
from api_gateway.idempotency import accept, refuse_key
from api_gateway.links import LinkView, check_lives, ended, own_link
from api_gateway.orders import IMAGE_STORE, NO_STORE, ask, ref_of
from api_gateway.resources import Page, PageQuery, cursor, position, reference

_UNFIT = r"\x00-\x1f\x7f\"\\/"
"""Not in a name that becomes a header and a file."""
_LONGEST_NAME = 200
FileName = Annotated[
    str, StringConstraints(pattern=rf"^[^{_UNFIT}]+$", min_length=1, max_length=_LONGEST_NAME)
]


class NewLink(Given):
    """How long a link lives and what its file is called."""

    seconds: int | None = Field(default=None, ge=1)
    """The gateway's default when missing."""
    file_name: FileName | None = None
    """Made of the object's name and format when missing."""


class LinkUrl(Value):
    """The link itself: a secret, made when asked."""

    id: Id
    url: Secret
    expires: Instant


@dataclass(frozen=True)
class Linking:
    """The route that makes links to objects of one noun."""

    noun: str

    async def create(self, call: Call, desk: Desk, deps: Deps) -> Reply:
        """Make a download link; its URL is asked for with ``GET /v1/links/{id}``."""
        seconds = _life(call.body, deps)

        async def make(tx: Tx) -> LinkView:
            found = await reference(self.noun, call.path["id"], call.principal, tx)
            _check_ready(self.noun, found)
            link = LinkView(
                id=new_id(),
                account_id=call.principal.account_id,
                object=ref_of(found),
                file_name=call.body.file_name or _named(found),
                made=tx.now,
                expires=tx.now + timedelta(seconds=seconds),
            )
            await _keep(link, tx)
            return link

        return await accept(call, desk, deps, make)


def _life(body: NewLink, deps: Deps) -> int:
    longest = deps.settings.longest_link_seconds
    if body.seconds is not None and body.seconds > longest:
        raise InvalidInput(
            f"a link lives at most {longest} s", code="seconds", hint="ask again when it has ended"
        )
    return min(body.seconds or deps.settings.link_seconds, longest)


def _check_ready(noun: str, found: dict[str, Any]) -> None:
    if not found["ready"]:
        raise Conflict(
            f"the {noun} is not ready",
            resource=f"{noun}/{found['id']}",
            code="not_ready",
            hint="wait for it: GET with wait",
        )


def _named(found: dict[str, Any]) -> str:
    plain = re.sub(f"[{_UNFIT}]", "_", found["name"])
    return f"{plain[: _LONGEST_NAME - 16]}.{found['format']}"


async def _keep(link: LinkView, tx: Tx) -> None:
    what = link.object
    row = (link.id, link.account_id, what.kind.value, what.id, link.file_name, link.expires)
    await tx.run("add_link", *row)


async def list_links(call: Call, desk: Desk, deps: Deps) -> BaseModel:
    """The caller's links, newest first, those that ended too; no URLs."""
    after, limit = position(call.query.cursor), call.query.limit
    async with desk.transaction() as tx:
        rows = await tx.rows("links", call.principal.sees, *after, limit + 1)
    return Page(
        items=[LinkView.of(row) for row in rows[:limit]],
        next=cursor(rows[limit - 1], "made") if len(rows) > limit else None,
    )


async def show_link(call: Call, desk: Desk, deps: Deps) -> Reply:
    """The URL, made now; 410 once the link was revoked or has expired."""
    refuse_key(call, "a link's URL")
    async with desk.transaction() as tx:
        link = await own_link(call, tx)
        check_lives(link, tx)
        found = await reference(link.object.noun, link.object.id, call.principal, tx)
        question = MakeLink(
            link_id=link.id,
            object=link.object,
            account_id=found["account_id"],
            seconds=ceil((link.expires - tx.now).total_seconds()),
            file_name=link.file_name,
        )
    return Reply(await _made(link, question, desk), headers=NO_STORE)


async def _made(link: LinkView, question: MakeLink, desk: Desk) -> LinkUrl:
    try:
        made = await ask(desk, question, LinkMade)
    except GrantRefused:
        raise ended(link.id, "expired") from None
    async with desk.transaction() as tx:  # it may have been revoked meanwhile
        if await tx.row("link_lives", link.id, made.expires) is None:
            raise ended(link.id, "revoked")
    return LinkUrl(id=link.id, url=made.url, expires=made.expires)


async def revoke_link(call: Call, desk: Desk, deps: Deps) -> Reply:
    """No URL is made from now on; one handed out before may live to its end."""

    async def make(tx: Tx) -> LinkView:
        link = await own_link(call, tx)
        if await tx.run("revoke_link", link.id):
            await tx.say(RevokeLink(link_id=link.id), to=IMAGE_STORE)
        return await own_link(call, tx)

    return await accept(call, desk, deps, make)


ROUTES: tuple[Route[Deps], ...] = (
    Route(
        "GET",
        "/v1/links",
        list_links,
        "List download links",
        query=PageQuery,
        reply=Page[LinkView],
        tags=("links",),
    ),
    Route(
        "GET",
        "/v1/links/{id}",
        show_link,
        "Make the URL of a download link",
        reply=LinkUrl,
        tags=("links",),
    ),
    Route(
        "DELETE",
        "/v1/links/{id}",
        revoke_link,
        "Revoke a download link",
        reply=LinkView,
        tags=("links",),
    ),
)
