"""Who sent a command: a signed request's account."""

from dataclasses import dataclass

from asyncpg import Record
from stowage_contracts.errors import NotAuthorized
from stowage_runtime.service import Desk

from api_gateway.accounts import Principal, ensure_admin, hash_of, is_configured
from api_gateway.cloudstack.request import Request
from api_gateway.cloudstack.signing import check_expiry, check_signature
from api_gateway.deps import Deps


@dataclass(frozen=True)
class Caller:
    """An account, as commands see it."""

    principal: Principal
    account: str
    """Its name."""
    user_id: str

    @property
    def admin(self) -> bool:
        """A root admin."""
        return self.principal.admin


async def identify(request: Request, desk: Desk, deps: Deps) -> Caller:
    """Whoever signed the request; raises NotAuthorized, telling strangers nothing more."""
    if not request.params.get("apikey") or not request.params.get("signature"):
        raise NotAuthorized("unable to verify user credentials and/or request signature")
    digest = hash_of(request.params["apikey"])
    async with desk.transaction() as tx:
        row = await tx.row("signer", digest)
        if row is None and is_configured(digest, deps):
            await ensure_admin(tx, deps)
            row = await tx.row("signer", digest)
        now = tx.now
    if row is None:
        raise NotAuthorized("unable to verify user credentials and/or request signature")
    check_signature(request.sent, _secret(row, digest, deps))
    check_expiry(request.params, now)
    return Caller(Principal(row["id"], row["admin"]), row["name"], row["id"])


def _secret(row: Record, digest: str, deps: Deps) -> str:
    """Of the settings for the key the settings have: it may have changed since."""
    if is_configured(digest, deps):
        found = deps.settings.admin_secret_key.get_secret_value()
    else:
        found = deps.cipher.open(row["sealed_secret"], f"api_keys/{row['key_id']}").decode()
    if not found:
        raise NotAuthorized("the API key has no secret key to sign with", code="no_secret")
    return found
