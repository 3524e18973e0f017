"""Who sent a command: whoever signed it, or is logged in."""

from dataclasses import dataclass

from asyncpg import Record
from stowage_contracts.errors import NotAuthorized
from stowage_runtime.service import Desk

from api_gateway.accounts import Principal, caller_of, hash_of, is_configured
from api_gateway.cloudstack.request import Request
from api_gateway.cloudstack.signing import check_expiry, check_signature
from api_gateway.cloudstack.spec import Wire
from api_gateway.deps import Deps


@dataclass(frozen=True)
class Caller:
    """A user of an account, as commands see it."""

    principal: Principal
    account: str
    """Its name."""
    user_id: str

    @classmethod
    def of(cls, row: Record) -> "Caller":
        """Of a row of query ``caller``."""
        return cls(Principal.of(row), row["name"], row["user_id"])

    @property
    def admin(self) -> bool:
        """A root admin."""
        return self.principal.admin

    @property
    def manages(self) -> bool:
        """An admin of its domain, or of all."""
        return self.principal.manages

    def may(self, wire: Wire) -> bool:
        """Whether its role has the command."""
        return self.admin if wire.admin else self.manages or not wire.manager


NOBODY = Caller(Principal("", admin=False), "", "")
"""Who has not said yet who it is."""


async def signer(request: Request, desk: Desk, deps: Deps) -> Caller:
    """Whoever signed the request; raises NotAuthorized, telling strangers nothing more."""
    if not request.params.get("apikey") or not request.params.get("signature"):
        raise NotAuthorized("unable to verify user credentials and/or request signature")
    key = request.params["apikey"]
    async with desk.transaction() as tx:
        row = await caller_of(key, tx, deps)
        now = tx.now
    if row is None:
        raise NotAuthorized("unable to verify user credentials and/or request signature")
    check_signature(request.sent, _secret(row, hash_of(key), deps))
    check_expiry(request.params, now)
    if not row["enabled"]:
        raise NotAuthorized("the user or its account is disabled", code="disabled")
    return Caller.of(row)


def _secret(row: Record, digest: str, deps: Deps) -> str:
    """Of the settings for the key the settings have: it may have changed since."""
    if is_configured(digest, deps):
        found = deps.settings.admin_secret_key.get_secret_value()
    else:
        found = deps.cipher.open(row["sealed_secret"], f"api_keys/{row['key_id']}").decode()
    if not found:
        raise NotAuthorized("the API key has no secret key to sign with", code="no_secret")
    return found
