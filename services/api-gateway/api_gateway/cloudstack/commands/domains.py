"""Domains and roles."""

from stowage_runtime.handling.tx import Tx

from api_gateway.accounts import ROOT_DOMAIN
from api_gateway.cloudstack import jobs
from api_gateway.cloudstack.answers import Answer, One, Row, Rows
from api_gateway.cloudstack.asks import Ask, Paging
from api_gateway.cloudstack.command import Command
from api_gateway.cloudstack.errors import PARAMETER, Refused
from api_gateway.cloudstack.owners import seen_domain
from api_gateway.cloudstack.people import ROLE_NAMES, domain_row
from api_gateway.tenancy.domains import add_domain, drop_domain, find_domain, require_manager


async def list_domains(ask: Ask) -> Answer:
    """List domains: a root admin's all, others' own, and what is below for listall."""
    top = "" if ask.caller.admin else ask.principal.domain_id
    only = ask.text("id")
    async with ask.desk.transaction() as tx:
        if only:
            await seen_domain(only, ask.principal, tx)
        elif not (ask.caller.manages and (ask.caller.admin or ask.flag("listall"))):
            only = top
        return await _page(ask, (top, only, ""), tx)


async def list_domain_children(ask: Ask) -> Answer:
    """List the domains in a domain, or with isrecursive all below."""
    below = ask.text("id") or (ROOT_DOMAIN if ask.caller.admin else ask.principal.domain_id)
    async with ask.desk.transaction() as tx:
        await seen_domain(below, ask.principal, tx)
        direct = "" if ask.flag("isrecursive") else below
        found = await _page(ask, (below, "", direct), tx)
    rows = [row for row in found.rows if row["id"] != below]
    return Rows(rows, found.count - (0 if direct else 1))


async def _page(ask: Ask, where: tuple[str, str, str], tx: Tx) -> Rows:
    """Under a domain, one domain, right in a domain; each where it is not empty."""
    top, only, parent = where
    paging = Paging.of(ask)
    wanted = (top, only, ask.text("name"), ask.number("level"), ask.text("keyword"), parent)
    rows = await tx.rows("domains_page", *wanted, paging.offset, paging.limit)
    return Rows([domain_row(row) for row in rows], await tx.value("count_domains", *wanted))


async def create_domain(ask: Ask) -> Answer:
    """Create a domain in another, by default in the caller's."""
    async with ask.desk.transaction() as tx:
        parent = await find_domain(
            ask.text("parentdomainid") or ask.principal.domain_id, ask.principal, tx
        )
        require_manager(ask.principal, parent)
        facts = {"id": ask.text("domainid"), "network_domain": ask.text("networkdomain")}
        made = await add_domain(parent, ask.text("name"), facts, tx)
        return One(await _shown(made["id"], tx))


async def _shown(key: str, tx: Tx) -> Row:
    (row,) = await tx.rows("domains_page", "", key, "", None, "", "", 0, 1)
    return domain_row(row)


async def delete_domain(ask: Ask) -> Answer:
    """Delete a domain that has nothing in it."""
    async with ask.desk.transaction() as tx:
        domain = await find_domain(ask.text("id"), ask.principal, tx)
        require_manager(ask.principal, domain)
        if domain["id"] == ask.principal.domain_id:
            raise Refused(PARAMETER, "nobody deletes its own domain")
        await drop_domain(domain, tx)
        return await jobs.start(ask, tx, "domain", domain["id"])


async def list_roles(ask: Ask) -> Answer:
    """List the three roles there are."""
    rows = [
        {
            "id": role,
            "name": name,
            "type": kind,
            "description": f"{name}s of the gateway",
            "isdefault": True,
            "ispublic": True,
            "state": "enabled",
        }
        for role, (kind, name) in ROLE_NAMES.items()
        if ask.text("id") in ("", role)
        and ask.text("name") in ("", name)
        and ask.text("type") in ("", kind)
        and ask.text("keyword").lower() in name.lower()
    ]
    paging = Paging.of(ask)
    end = None if paging.limit is None else paging.offset + paging.limit
    return Rows(rows[paging.offset : end], len(rows))


COMMANDS = (
    Command("listDomains", list_domains, missing="details, icons, tags"),
    Command("listDomainChildren", list_domain_children, missing="icons"),
    Command("createDomain", create_domain),
    Command(
        "deleteDomain",
        delete_domain,
        missing="cleanup: refused (431) while there are domains or accounts in it",
    ),
    Command("listRoles", list_roles, missing="roles of one's own: there are three"),
)
