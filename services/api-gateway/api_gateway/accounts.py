"""Accounts and API keys: who is calling."""

import hashlib
import hmac
import secrets
from dataclasses import dataclass

from pydantic import SecretStr
from stowage_contracts.errors import NotAuthorized
from stowage_contracts.values import new_id
from stowage_runtime.handling.tx import Tx
from stowage_runtime.http import Call
from stowage_runtime.secrets import RowCipher
from stowage_runtime.service import Desk

from api_gateway.deps import Deps

ADMIN_ACCOUNT = "admin"
KEY_BYTES = 32
"""256 random bits: a plain hash of the key is enough."""


@dataclass(frozen=True)
class Principal:
    """The caller's account."""

    account_id: str
    admin: bool

    def require_admin(self) -> None:
        """Raises NotAuthorized (403) for ordinary accounts."""
        if not self.admin:
            raise Forbidden("only an admin account may do this", code="admin_only")

    @property
    def sees(self) -> str:
        """Account whose things it sees; empty for all."""
        return "" if self.admin else self.account_id


ADMIN = Principal(ADMIN_ACCOUNT, admin=True)


class Forbidden(NotAuthorized):
    """The caller's account may not do this."""

    status = 403


def hash_of(key: SecretStr | str) -> str:
    """What is kept of an API key or join token."""
    raw = key.get_secret_value() if isinstance(key, SecretStr) else key
    return hashlib.sha256(raw.encode("utf-8", "surrogatepass")).hexdigest()


def new_key() -> SecretStr:
    """A fresh random key."""
    return SecretStr(secrets.token_urlsafe(KEY_BYTES))


@dataclass(frozen=True)
class Keys:
    """A pair of keys as shown once to its holder."""

    api_key: SecretStr
    secret_key: SecretStr


async def add_keys(tx: Tx, cipher: RowCipher, account_id: str, keys: Keys) -> str:
    """Keep a hash of the one and a sealed copy of the other; the id of the pair."""
    key_id = new_id()
    sealed = cipher.seal(keys.secret_key.get_secret_value().encode(), f"api_keys/{key_id}")
    await tx.run("add_key", key_id, account_id, hash_of(keys.api_key), sealed)
    return key_id


async def authenticate(call: Call, desk: Desk, deps: Deps) -> Principal:
    """``Authorization: Bearer <api key>``; raises NotAuthorized."""
    scheme, _, key = call.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not key.strip():
        raise NotAuthorized(
            "no API key given", code="missing", hint="send Authorization: Bearer <api key>"
        )
    digest = hash_of(key.strip())
    async with desk.transaction() as tx:
        account = await tx.row("account_of_key", digest)
        if account is None and is_configured(digest, deps):
            await ensure_admin(tx, deps)
            return ADMIN
    if account is None:
        raise NotAuthorized("the API key is unknown", code="unknown_key")
    return Principal(account_id=account["id"], admin=account["admin"])


def is_configured(digest: str, deps: Deps) -> bool:
    """Whether it is the hash of the first admin's key, which the settings have."""
    key = deps.settings.admin_api_key
    return bool(key.get_secret_value()) and hmac.compare_digest(digest, hash_of(key))


async def ensure_admin(tx: Tx, deps: Deps) -> None:
    """The first admin account, with the keys of the settings; made when first used."""
    settings = deps.settings
    await tx.run("add_account", ADMIN_ACCOUNT, "admin", True)
    keys = Keys(api_key=settings.admin_api_key, secret_key=settings.admin_secret_key)
    await add_keys(tx, deps.cipher, ADMIN_ACCOUNT, keys)
