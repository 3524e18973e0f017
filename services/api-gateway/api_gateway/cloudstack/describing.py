"""What CloudStack tells of an object beside its bytes, and who else may use it.

It is the gateway's own: the object's owner moves bytes and knows nothing of it.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from asyncpg import Record
from stowage_runtime.handling.tx import Tx


@dataclass(frozen=True)
class Description:
    """Of one object; what was never described is its account's alone, which may take it away."""

    public: bool = False
    featured: bool = False
    extractable: bool = True
    attributes: Mapping[str, Any] = field(default_factory=dict)
    """By the names that answers have: displaytext, ostypeid, details…"""

    @classmethod
    def of(cls, row: Record) -> "Description":
        """Of a row that may be none."""
        if row["attributes"] is None:
            return cls()
        return cls(row["public"], row["featured"], row["extractable"], row["attributes"])


@dataclass(frozen=True)
class Change:
    """What is to be said anew; None leaves a thing alone, as does an attribute that is missing."""

    public: bool | None = None
    featured: bool | None = None
    extractable: bool | None = None
    attributes: Mapping[str, Any] = field(default_factory=dict)
    """An attribute that is None goes."""


@dataclass(frozen=True)
class Subject:
    """An object by its noun (an ISO is a template), with whose it is."""

    noun: str
    id: str
    account_id: str

    @classmethod
    def of(cls, noun: str, found: Mapping[str, Any]) -> "Subject":
        """The one whose state it is."""
        return cls(noun, found["id"], found["account_id"])


async def describe(subject: Subject, change: Change, tx: Tx) -> None:
    """Say the first words of an object, or other ones."""
    told = (change.public, change.featured, change.extractable)
    kept = {name: value for name, value in change.attributes.items() if value is not None}
    gone = sorted(set(change.attributes) - set(kept))
    row = (subject.noun, subject.id, subject.account_id)
    await tx.run("describe", *row, *told, kept, gone)


async def described(noun: str, keys: Collection[str], tx: Tx) -> Mapping[str, Description]:
    """Of each of these objects; every key is there."""
    rows = await tx.rows("descriptions", noun, list(keys))
    known = {row["id"]: Description.of(row) for row in rows}
    return {key: known.get(key, Description()) for key in keys}


async def shared_with(noun: str, key: str, tx: Tx) -> list[str]:
    """Ids of the accounts that were let in one by one."""
    return [row["account_id"] for row in await tx.rows("launch_permissions", noun, key)]


async def share(noun: str, key: str, accounts: Collection[str], tx: Tx) -> None:
    """Let accounts in."""
    await tx.run("add_launch_permissions", noun, key, list(accounts))


async def unshare(noun: str, key: str, accounts: Collection[str] | None, tx: Tx) -> None:
    """Let accounts in no longer; None: all of them."""
    gone = None if accounts is None else list(accounts)
    await tx.run("drop_launch_permissions", noun, key, gone)


async def lets_in(noun: str, key: str, accounts: Collection[str], tx: Tx) -> bool:
    """Whether it is public, or shared with one of the accounts."""
    return bool(await tx.value("lets_in", noun, key, list(accounts)))
