"""Domains: a tree that accounts stand in."""

from pydantic import BaseModel
from stowage_runtime.handling.tx import Tx
from stowage_runtime.http import Call, Reply, Route
from stowage_runtime.service import Desk

from api_gateway.deps import Deps
from api_gateway.idempotency import accept
from api_gateway.resources import Page, PageQuery, cursor, position
from api_gateway.routes.tenancy.bodies import DomainView, NewDomain
from api_gateway.tenancy.domains import add_domain, drop_domain, find_domain, require_manager


async def create_domain(call: Call, desk: Desk, deps: Deps) -> Reply:
    """Create a domain in another."""
    call.principal.require_manager()

    async def make(tx: Tx) -> DomainView:
        body, principal = call.body, call.principal
        parent = await find_domain(body.parent_id or principal.domain_id, principal, tx)
        require_manager(principal, parent)
        facts = {"id": body.id or "", "network_domain": body.network_domain}
        return DomainView.of(await add_domain(parent, body.name, facts, tx))

    return await accept(call, desk, deps, make)


async def list_domains(call: Call, desk: Desk, deps: Deps) -> BaseModel:
    """The caller's domain, and for admins all below."""
    after, limit, principal = position(call.query.cursor), call.query.limit, call.principal
    whose = ("" if principal.admin else principal.domain_id, principal.manages)
    async with desk.transaction() as tx:
        rows = await tx.rows("domains_after", *whose, *after, limit + 1)
    return Page(
        items=[DomainView.of(row) for row in rows[:limit]],
        next=cursor(rows[limit - 1], "created") if len(rows) > limit else None,
    )


async def show_domain(call: Call, desk: Desk, deps: Deps) -> DomainView:
    """One domain."""
    async with desk.transaction() as tx:
        return DomainView.of(await find_domain(call.path["id"], call.principal, tx))


async def delete_domain(call: Call, desk: Desk, deps: Deps) -> Reply:
    """Delete a domain that has nothing in it."""
    call.principal.require_manager()

    async def make(tx: Tx) -> DomainView:
        domain = await find_domain(call.path["id"], call.principal, tx)
        require_manager(call.principal, domain)
        await drop_domain(domain, tx)
        return DomainView.of(domain)

    return await accept(call, desk, deps, make)


_TAGS = ("accounts",)
ROUTES: tuple[Route[Deps], ...] = (
    Route(
        "POST",
        "/v1/domains",
        create_domain,
        "Create a domain",
        body=NewDomain,
        reply=DomainView,
        status=201,
        tags=_TAGS,
    ),
    Route(
        "GET",
        "/v1/domains",
        list_domains,
        "List domains",
        query=PageQuery,
        reply=Page[DomainView],
        tags=_TAGS,
    ),
    Route("GET", "/v1/domains/{id}", show_domain, "Show a domain", reply=DomainView, tags=_TAGS),
    Route(
        "DELETE",
        "/v1/domains/{id}",
        delete_domain,
        "Delete an empty domain",
        reply=DomainView,
        tags=_TAGS,
    ),
)
