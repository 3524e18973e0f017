"""What is read of a CloudStack, in the same words whichever schema it has."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

IMAGE, CACHE = "Image", "ImageCache"


@dataclass(frozen=True)
class Account:
    """Who owns things."""

    id: str
    name: str
    domain: str
    """Path of its domain."""
    removed: bool
    lineage: tuple[tuple[str, str], ...] = ()
    """Ids and names of the domains from below ROOT down to its own."""


@dataclass(frozen=True)
class Zone:
    """A data centre."""

    id: str
    name: str
    removed: bool


@dataclass(frozen=True)
class Store:
    """An image store, whatever table it is kept in."""

    key: str
    """Table and number; a copy names its store by it."""
    id: str
    name: str
    provider: str
    url: str
    role: str
    zone: int | None
    """None: the whole region."""
    removed: bool = False
    read_only: bool = False
    details: Mapping[str, str] = field(default_factory=dict, repr=False)
    sealed: bool = False
    """Secrets among its details are encrypted."""


@dataclass(frozen=True)
class Copy:
    """An object on a store, as recorded."""

    store: str
    """The store's key; empty where the record names none."""
    path: str
    state: str
    download: str
    """CloudStack's download_state; empty where it keeps none."""
    destroyed: bool = False
    size: int | None = None
    """Length of the file, where it was recorded."""
    extracted: bool = False
    """Made so that somebody could download it."""
    primary: bool = False
    """It is on a primary pool."""
    format: str = ""


@dataclass(frozen=True)
class Thing:
    """A template, ISO, volume or snapshot."""

    noun: str
    number: int
    id: str
    name: str
    account: int
    created: datetime
    state: str
    format: str
    hypervisor: str
    zones: tuple[int, ...] = ()
    everywhere: bool = False
    checksum: str = ""
    url: str = field(default="", repr=False)
    template_id: str | None = None
    volume_id: str | None = None
    volume: int | None = None
    """Its number, which is part of names on stores."""
    parent_id: str | None = None
    public: bool = False
    featured: bool = False
    extractable: bool = False
    direct: bool = False
    """Hosts fetch it themselves; no store holds it."""
    shared_with: tuple[str, ...] = ()
    attributes: Mapping[str, Any] = field(default_factory=dict)
    copies: tuple[Copy, ...] = ()


@dataclass(frozen=True)
class Pool:
    """A primary pool: for the agent that sees it, and for the report."""

    id: str
    name: str
    kind: str
    host: str
    path: str
    scope: str
    zone: str
    status: str
    volumes: int
    """Volumes that are on it."""


@dataclass(frozen=True)
class World:
    """What is small enough to be known at once."""

    zones: Mapping[int, Zone]
    accounts: Mapping[int, Account]
    stores: Mapping[str, Store]
    pools: tuple[Pool, ...]


def identity(noun: str, row: Mapping[str, Any], column: str = "uuid") -> str:
    """CloudStack's uuid; very old rows have none."""
    return str(row[column] or f"cloudstack-{noun}-{row['id']}")
