"""Download links: of one object, one method and a capped life; no URL is ever kept."""

from math import ceil
from typing import Any

from asyncpg import Record
from pydantic import BaseModel
from stowage_contracts.errors import GrantRefused
from stowage_contracts.messages.image_store import LinkMade, MakeLink, RevokeLink
from stowage_contracts.values import Id, Instant, Secret, Value
from stowage_runtime.handling.tx import Tx
from stowage_runtime.http import Call, Reply, Route
from stowage_runtime.service import Desk

from api_gateway.accounts import Principal
from api_gateway.deps import Deps
from api_gateway.idempotency import accept, refuse_key
from api_gateway.links import LinkView, audit, check_lives, ended, own_link
from api_gateway.orders import IMAGE_STORE, NO_STORE, ask
from api_gateway.resources import Page, PageQuery, cursor, position, reference


class LinksQuery(PageQuery):
    """Which links."""

    account_id: Id | None = None
    """Of one account."""


class LinkUrl(Value):
    """The link itself: a secret, made when asked."""

    id: Id
    url: Secret
    expires: Instant


async def list_links(call: Call, desk: Desk, deps: Deps) -> BaseModel:
    """The caller's links, newest first, those that ended too; no URLs."""
    after, limit = position(call.query.cursor), call.query.limit
    async with desk.transaction() as tx:
        rows = await _page(call.principal, call.query.account_id, (limit + 1, *after), tx)
    return Page(
        items=[LinkView.of(row) for row in rows[:limit]],
        next=cursor(rows[limit - 1], "made") if len(rows) > limit else None,
    )


async def _page(
    principal: Principal, asked: str | None, page: tuple[Any, ...], tx: Tx
) -> list[Record]:
    whose = principal.sees if asked is None else principal.seen_of([asked])
    if whose is None:
        return await tx.rows("links", *page)
    return await tx.rows("links_of_accounts", *page, whose)


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
    made = await _made(link, question, desk)
    async with desk.transaction() as tx:  # it may have ended meanwhile
        check_lives(await own_link(call, tx), tx)
    audit("link.opened", link, call)
    return Reply(made, headers=NO_STORE)


async def _made(link: LinkView, question: MakeLink, desk: Desk) -> LinkUrl:
    """The URL, which may live shorter than its link: then it is asked for again."""
    try:
        made = await ask(desk, question, LinkMade)
    except GrantRefused as error:
        revoked = error.code.endswith(".revoked")
        raise ended(link.id, "revoked" if revoked else "expired") from None
    return LinkUrl(id=link.id, url=made.url, expires=made.expires)


async def revoke_link(call: Call, desk: Desk, deps: Deps) -> Reply:
    """No URL is made from now on; one handed out before may live to its end."""

    async def make(tx: Tx) -> LinkView:
        link = await own_link(call, tx)
        if await tx.run("revoke_link", link.id):
            await tx.say(RevokeLink(link_id=link.id), to=IMAGE_STORE)
            audit("link.revoked", link, call)
        return await own_link(call, tx)

    return await accept(call, desk, deps, make)


ROUTES: tuple[Route[Deps], ...] = (
    Route(
        "GET",
        "/v1/links",
        list_links,
        "List download links",
        query=LinksQuery,
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
