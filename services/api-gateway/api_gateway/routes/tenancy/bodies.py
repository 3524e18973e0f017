"""What is told of domains, accounts and users, and what may be asked of them."""

from typing import Self

from asyncpg import Record
from pydantic import Field, SecretStr, model_validator
from stowage_contracts.values import Id, Instant, Name, Secret, Value

from api_gateway.accounts import Role
from api_gateway.bodies import Given
from api_gateway.tenancy.accounts import AccountState

LARGEST = 1 << 30
"""Of a limit: things, or GiB."""


class DomainView(Value):
    """A domain; its path begins with ROOT."""

    id: Id
    name: str
    parent_id: Id | None
    path: str
    network_domain: str
    created: Instant

    @classmethod
    def of(cls, row: Record) -> Self:
        """Of its row."""
        return cls.model_validate({name: row[name] for name in cls.model_fields})


class AccountView(Value):
    """An account."""

    id: Id
    name: str
    role: Role
    state: AccountState
    domain_id: Id
    domain_path: str
    network_domain: str
    created: Instant

    @classmethod
    def of(cls, row: Record) -> Self:
        """Of a row with the path of its domain."""
        told = {name: row[name] for name in cls.model_fields if name != "domain_path"}
        return cls.model_validate({**told, "domain_path": row["path"]})


class UserView(Value):
    """Somebody who acts for an account."""

    id: Id
    account_id: Id
    name: str
    first_name: str
    last_name: str
    email: str
    timezone: str
    state: str
    created: Instant
    has_password: bool
    """Whether it may log in; it may have keys all the same."""

    @classmethod
    def of(cls, row: Record) -> Self:
        """Of its row."""
        told = {name: row[name] for name in cls.model_fields if name != "has_password"}
        return cls.model_validate({**told, "has_password": row["password"] is not None})


class UserList(Value):
    """All users of an account."""

    items: tuple[UserView, ...]


class KeyPair(Value):
    """A pair of keys, shown once."""

    id: Id
    account_id: Id
    api_key: Secret
    secret_key: Secret


class Limits(Given):
    """How many an account or a domain with all below may have; null: as many as it likes."""

    templates: int | None = Field(default=None, ge=0, le=LARGEST)
    """With ISOs."""
    volumes: int | None = Field(default=None, ge=0, le=LARGEST)
    snapshots: int | None = Field(default=None, ge=0, le=LARGEST)
    secondary_storage_gib: int | None = Field(default=None, ge=0, le=LARGEST)
    """Bytes on image stores; of accounts only."""


class NewDomain(Given):
    """A domain to create."""

    name: Name
    parent_id: Id | None = None
    """The caller's own when missing."""
    id: Id | None = None
    network_domain: str = Field(default="", max_length=255)


class NewAccount(Given):
    """An account to create, with its first user and a pair of keys."""

    name: Name
    admin: bool = False
    """A root admin; the same as its role."""
    role: Role | None = None
    domain_id: Id | None = None
    """The caller's own when missing."""
    network_domain: str = Field(default="", max_length=255)

    @model_validator(mode="after")
    def _one_role(self) -> Self:
        if self.admin and self.role not in (None, "root_admin"):
            raise ValueError("admin: true is role root_admin")
        return self

    @property
    def wanted(self) -> Role:
        """The role it gets."""
        return self.role or ("root_admin" if self.admin else "user")


class AccountPatch(Given):
    """What to change of an account; what is left out stays."""

    name: Name | None = None
    role: Role | None = None
    state: AccountState | None = None
    network_domain: str | None = Field(default=None, max_length=255)

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not self.model_dump(exclude_none=True):
            raise ValueError("name what is to change")
        return self


class NewUserBody(Given):
    """A user to add to an account."""

    name: Name
    password: SecretStr | None = Field(default=None, min_length=1, max_length=255)
    """To log in with; without one it can have keys."""
    first_name: str = Field(default="", max_length=255)
    last_name: str = Field(default="", max_length=255)
    email: str = Field(default="", max_length=255)
    timezone: str = Field(default="", max_length=64)
    id: Id | None = None
