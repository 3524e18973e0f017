"""Accounts of another cloud, each in its domain; they have no keys until they are given some."""

from asyncpg import Record
from stowage_runtime.handling.tx import Tx

from api_gateway.accounts import ROOT_DOMAIN
from api_gateway.routes.importing.bodies import NewDomain, NewOwner
from api_gateway.tenancy.domains import add_domain


async def settle(owner: NewOwner, tx: Tx) -> None:
    """Make an account and the domains above it; what is known stays as it is."""
    if not await tx.run("add_account", owner.id, owner.name, False):
        return
    domain = await tx.row("domain", ROOT_DOMAIN)
    for each in owner.domains:
        assert domain is not None  # ROOT is always there
        domain = await _below(domain, each, tx)
    if domain is not None and domain["id"] != ROOT_DOMAIN:
        await tx.run("place_account", owner.id, domain["id"])


async def _below(parent: Record, wanted: NewDomain, tx: Tx) -> Record:
    """The domain of that id, or else of that name, or a new one."""
    known = await tx.row("domain", wanted.id)
    known = known or await tx.row("imported_domain", f"{parent['path']}/{wanted.name}")
    return known or await add_domain(parent, wanted.name, {"id": wanted.id}, tx)
