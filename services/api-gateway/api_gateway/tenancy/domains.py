"""Domains: a tree whose admins manage what is in theirs and below."""

from typing import Any

from asyncpg import Record
from stowage_contracts.errors import Conflict, InvalidInput, NotFound
from stowage_contracts.values import new_id
from stowage_runtime.handling.tx import Tx

from api_gateway.accounts import ROOT_DOMAIN, Forbidden, Principal
from api_gateway.bodies import is_id

DEEPEST = 16
"""Levels below ROOT."""
LONGEST = 190
"""Characters of a name."""


async def find_domain(key: str, principal: Principal, tx: Tx) -> Record:
    """A domain the caller is in or manages; raises NotFound."""
    row = await tx.row("domain", key) if is_id(key) else None
    if row is None or not (principal.domain_id == key or manages(principal, row)):
        raise NotFound("no such domain", resource=f"domain/{key[:64]}")
    return row


def manages(principal: Principal, domain: Record) -> bool:
    """Whether the caller is an admin of the domain or of one above it."""
    below = principal.role == "domain_admin" and principal.domain_id in domain["lineage"]
    return principal.admin or below


def require_manager(principal: Principal, domain: Record) -> None:
    """Raises Forbidden for whoever is no admin of the domain."""
    if not manages(principal, domain):
        raise Forbidden(
            "only an admin of the domain may do this",
            code="domain_admin_only",
            resource=f"domain/{domain['id']}",
        )


async def add_domain(parent: Record, name: str, facts: dict[str, str], tx: Tx) -> Record:
    """A domain below ``parent``; ``facts``: id and network_domain, where they are given.

    Raises InvalidInput for a name that is none, Conflict for one that is taken.
    """
    _check_name(name, parent)
    key = facts.get("id") or new_id()
    if not is_id(key):
        raise InvalidInput("it is no id", code="id", resource=f"domain/{key[:64]}")
    row = (key, name, parent["id"], f"{parent['path']}/{name}", [*parent["lineage"], key])
    if not await tx.run("add_domain", *row, facts.get("network_domain", "")):
        raise Conflict(
            f"there is a domain {name} in {parent['path']}", code="exists", resource=f"domain/{key}"
        )
    made = await tx.row("domain", key)
    assert made is not None
    return made


def _check_name(name: str, parent: Record) -> None:
    if not name.strip() or "/" in name or len(name) > LONGEST:
        raise InvalidInput(f"a domain's name has 1 to {LONGEST} characters and no /", code="name")
    if len(parent["lineage"]) > DEEPEST:
        raise InvalidInput(f"domains are at most {DEEPEST} deep", code="depth")


async def drop_domain(domain: Record, tx: Tx) -> None:
    """Raises Conflict for ROOT and for one that has domains or accounts in it."""
    about: dict[str, Any] = {"resource": f"domain/{domain['id']}"}
    if domain["id"] == ROOT_DOMAIN:
        raise Conflict("ROOT stays", code="root", **about)
    await tx.value("lock_domain", domain["id"])
    if await tx.value("domain_holds", domain["id"]):
        raise Conflict(
            "the domain has accounts or domains in it",
            code="in_use",
            hint="delete them first",
            **about,
        )
    await tx.run("drop_domain", domain["id"])
