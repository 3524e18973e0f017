"""Whose things are: names for answers, whose a list shows, and for whom something is made.

``owners_of`` names accounts and domains for the rows of an answer; ``listed_accounts`` turns
account, domainid, listall, isrecursive and projectid of a list command into accounts (None: all);
``acting`` is the principal in whose name a command with account and domainid makes something.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from stowage_runtime.handling.tx import Tx

from api_gateway.accounts import ROOT_DOMAIN, Principal
from api_gateway.cloudstack.asks import Ask
from api_gateway.cloudstack.errors import FORBIDDEN, PARAMETER, Refused


@dataclass(frozen=True)
class Owner:
    """An account in its domain, by their names."""

    account_id: str
    account: str
    domain_id: str = ROOT_DOMAIN
    domain: str = "ROOT"
    path: str = "ROOT"

    @property
    def row(self) -> dict[str, str]:
        """The fields every answer has of an owner."""
        return {
            "account": self.account,
            "domainid": self.domain_id,
            "domain": self.domain,
            "domainpath": self.path,
        }


async def owners_of(tx: Tx, ids: Iterable[str]) -> Mapping[str, Owner]:
    """All of ``ids`` in one query; an account the gateway does not know goes by its id."""
    wanted = set(ids)
    rows = await tx.rows("owners", sorted(wanted))
    known = {
        row["id"]: Owner(row["id"], row["name"], row["domain_id"], row["domain_name"], row["path"])
        for row in rows
    }
    return {key: known.get(key) or Owner(key, key or "system") for key in wanted}


async def listed_accounts(ask: Ask, tx: Tx) -> list[str] | None:
    """Accounts whose things the list shows, None for everybody's; raises Refused."""
    _no_project(ask)
    principal, domain_id = ask.principal, ask.text("domainid")
    if domain_id:
        await seen_domain(domain_id, principal, tx)
    if ask.text("account"):
        return await _named(ask, tx)
    if domain_id and ask.caller.manages:
        return await _of_domain(domain_id, ask, tx)
    if ask.flag("listall") or ask.text("id") or ask.items("ids"):
        return principal.sees
    return [principal.account_id]


async def acting(ask: Ask, tx: Tx) -> Principal:
    """The caller, or for an admin the account that account and domainid name; raises Refused."""
    _no_project(ask)
    if not ask.text("account"):
        if ask.text("domainid") and not ask.caller.manages:
            await seen_domain(ask.text("domainid"), ask.principal, tx)
        return ask.principal
    if ask.text("domainid"):
        await seen_domain(ask.text("domainid"), ask.principal, tx)
    (account_id, *_) = await _named(ask, tx)
    return replace(ask.principal, account_id=account_id)


async def seen_domain(domain_id: str, principal: Principal, tx: Tx) -> Mapping[str, object]:
    """The domain; raises Refused for one there is not (431) or that is not the caller's (531)."""
    row = await tx.row("domain", domain_id)
    if row is None:
        raise Refused(PARAMETER, f"Unable to find domain by id={domain_id[:64]}")
    own = principal.domain_id
    below = principal.role == "domain_admin" and own in row["lineage"]
    if not (principal.admin or below or own == domain_id):
        raise Refused(FORBIDDEN, f"the caller has no access to domain {domain_id}")
    return dict(row)


async def _named(ask: Ask, tx: Tx) -> list[str]:
    name, domain_id = ask.text("account"), ask.text("domainid") or ask.principal.domain_id
    found = [row["id"] for row in await tx.rows("accounts_named", name, domain_id)]
    if not found:
        raise Refused(PARAMETER, f"could not find account {name[:64]} in domain {domain_id}")
    seen = ask.principal.seen_of(found)
    if not seen:
        raise Refused(FORBIDDEN, f"the caller has no access to account {name[:64]}")
    return seen


async def _of_domain(domain_id: str, ask: Ask, tx: Tx) -> list[str] | None:
    below = bool(ask.flag("isrecursive"))
    if below and domain_id == ROOT_DOMAIN:
        return ask.principal.sees
    return [row["id"] for row in await tx.rows("accounts_of_domain", domain_id, below)]


def _no_project(ask: Ask) -> None:
    if ask.text("projectid") not in ("", "-1"):
        raise Refused(PARAMETER, f"Unable to find project by id {ask.text('projectid')[:64]}")
