"""Accounts, their users and API keys: who is calling, and whose things that one sees."""

import hashlib
import hmac
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal, get_args

from asyncpg import Record
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


Role = Literal["root_admin", "domain_admin", "user"]
ROLES: tuple[Role, ...] = get_args(Role)
ROOT_DOMAIN = "root"


@dataclass(frozen=True)
class Principal:
    """The caller's account."""

    account_id: str
    admin: bool
    """A root admin: sees everything."""
    role: Role = "user"
    domain_id: str = ROOT_DOMAIN
    subtree: frozenset[str] = field(default=frozenset(), repr=False)
    """Accounts of a domain admin's domain and of all below."""

    @classmethod
    def of(cls, row: Record) -> "Principal":
        """Of a row of query ``caller``."""
        subtree = frozenset(row["subtree"])
        return cls(row["id"], row["admin"], row["role"], row["domain_id"], subtree)

    def require_admin(self) -> None:
        """Raises NotAuthorized (403) for ordinary accounts."""
        if not self.admin:
            raise Forbidden("only an admin account may do this", code="admin_only")

    def require_manager(self) -> None:
        """Raises NotAuthorized (403) for whoever is admin of nothing."""
        if not self.manages:
            raise Forbidden("only an admin of a domain may do this", code="domain_admin_only")

    @property
    def manages(self) -> bool:
        """An admin of its domain, or of all."""
        return self.admin or self.role == "domain_admin"

    @property
    def sees(self) -> list[str] | None:
        """Accounts whose things it sees, as SQL takes them; None for all."""
        return None if self.admin else sorted({self.account_id, *self.subtree})

    def may_see(self, account_id: str) -> bool:
        """Whether what the account has is its own, or under it; '' has what is everybody's."""
        mine = account_id in {"", self.account_id} or account_id in self.subtree
        return self.admin or mine

    def seen_of(self, accounts: Iterable[str]) -> list[str]:
        """Those of the accounts whose things it sees."""
        return [account for account in accounts if self.may_see(account)]


ADMIN = Principal(ADMIN_ACCOUNT, admin=True, role="root_admin")


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


async def add_keys(tx: Tx, cipher: RowCipher, user_id: str, keys: Keys) -> str:
    """Keep a hash of the one and a sealed copy of the other; the id of the pair.

    The first user of an account made with keys has the account's id.
    """
    key_id = new_id()
    sealed = cipher.seal(keys.secret_key.get_secret_value().encode(), f"api_keys/{key_id}")
    await tx.run("add_key", key_id, user_id, hash_of(keys.api_key), sealed)
    return key_id


async def authenticate(call: Call, desk: Desk, deps: Deps) -> Principal:
    """``Authorization: Bearer <api key>``; raises NotAuthorized."""
    scheme, _, key = call.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not key.strip():
        raise NotAuthorized(
            "no API key given", code="missing", hint="send Authorization: Bearer <api key>"
        )
    async with desk.transaction() as tx:
        row = await caller_of(key.strip(), tx, deps)
    if row is None:
        raise NotAuthorized("the API key is unknown", code="unknown_key")
    if not row["enabled"]:
        raise NotAuthorized("the account is disabled", code="disabled")
    return Principal.of(row)


async def caller_of(api_key: str, tx: Tx, deps: Deps) -> Record | None:
    """Account, user and keys of an API key; None for one nobody has."""
    digest = hash_of(api_key)
    row = await tx.row("caller", digest)
    if row is None and is_configured(digest, deps):
        await ensure_admin(tx, deps)
        row = await tx.row("caller", digest)
    return row


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
