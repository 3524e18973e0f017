"""What an importer says of another cloud's objects, and what it is answered."""

from datetime import datetime
from enum import StrEnum
from typing import Any, Literal, Self

from pydantic import Field, field_validator, model_validator
from stowage_contracts.errors import Problem
from stowage_contracts.values import (
    Bytes,
    Digest,
    HypervisorKind,
    Id,
    ImageFormat,
    Instant,
    Name,
    ObjectKind,
    ObjectRef,
    ScopeType,
    Value,
)

from api_gateway.bodies import Given
from api_gateway.forms import check_size
from api_gateway.routes.objects.bodies import LARGEST, MOST_COPIES, MOST_TAGS
from api_gateway.tenancy.domains import DEEPEST, LONGEST

MOST_OBJECTS, MOST_ACCOUNTS, MOST_ZONES, MOST_SHARES = 100, 500, 500, 1000
_LONGEST_KEY = 900


class NewPlace(Given):
    """Where on a store an object is said to be."""

    store_id: Id
    key: str = Field(min_length=1, max_length=_LONGEST_KEY)
    """Its name, or what its name begins with."""
    size: Bytes | None = Field(default=None, le=LARGEST)
    """Recorded length; other bytes than that are refused."""


class Description(Given):
    """What that cloud tells of it beside its bytes, and who may see it."""

    public: bool = False
    featured: bool = False
    extractable: bool = False
    attributes: dict[str, Any] = {}
    """By the names of CloudStack's answers."""
    shared_with: tuple[Id, ...] = Field(default=(), max_length=MOST_SHARES)
    """Accounts that may use it."""

    @field_validator("attributes")
    @classmethod
    def _small(cls, attributes: dict[str, Any]) -> dict[str, Any]:
        return check_size(attributes)


class NewImport(Given):
    """One object of another cloud, under its own id."""

    kind: ObjectKind
    id: Id
    account_id: Id
    name: Name
    format: ImageFormat
    zones: tuple[Id, ...] = Field(default=(), max_length=MOST_ZONES)
    """Where it is wished for; region-wide when empty."""
    hypervisor: HypervisorKind | None = None
    """Of templates and ISOs."""
    checksum: Digest | None = None
    template_id: Id | None = None
    volume_id: Id | None = None
    parent_id: Id | None = None
    tags: tuple[Name, ...] = Field(default=(), max_length=MOST_TAGS)
    created: Instant
    places: tuple[NewPlace, ...] = Field(min_length=1, max_length=MOST_COPIES)
    description: Description = Description()

    @field_validator("created")
    @classmethod
    def _thinkable(cls, created: datetime) -> datetime:
        if not 1970 <= created.year < 9999:
            raise ValueError("a time from 1970 on")
        return created

    @model_validator(mode="after")
    def _of_one_piece(self) -> Self:
        image = self.kind in {ObjectKind.TEMPLATE, ObjectKind.ISO}
        if image != (self.hypervisor is not None):
            raise ValueError("hypervisor goes with templates and ISOs")
        if image and (self.kind is ObjectKind.ISO) != (self.format is ImageFormat.ISO):
            raise ValueError("an ISO has format iso, a template another one")
        if len({place.store_id for place in self.places}) < len(self.places):
            raise ValueError("an object has one place on a store")
        return self

    @property
    def what(self) -> ObjectRef:
        """The object."""
        return ObjectRef(kind=self.kind, id=self.id)

    @property
    def scope_type(self) -> ScopeType:
        """How far it is to reach."""
        return ScopeType.ZONE if self.zones else ScopeType.REGION


class NewDomain(Given):
    """A domain of that cloud."""

    id: Id
    name: str = Field(min_length=1, max_length=LONGEST, pattern=r"^[^/]+$")


class NewOwner(Given):
    """An account of that cloud; one of that id that is known stays as it is."""

    id: Id
    name: Name
    domains: tuple[NewDomain, ...] = Field(default=(), max_length=DEEPEST)
    """From below ROOT down to its own; those that are not there are made."""


class Import(Given):
    """A batch of objects, and the accounts they belong to."""

    accounts: tuple[NewOwner, ...] = Field(default=(), max_length=MOST_ACCOUNTS)
    objects: tuple[NewImport, ...] = Field(default=(), max_length=MOST_OBJECTS)
    mode: Literal["take", "look"] = "take"
    """``look`` only tells how far each of them is."""


class Progress(StrEnum):
    """How far an object was taken over."""

    UNKNOWN = "unknown"
    """Not asked for yet (of a look)."""
    TAKEN = "taken"
    """Asked for just now, or anew."""
    READING = "reading"
    READY = "ready"
    FAILED = "failed"
    """Not as recorded at one place or more; ``error`` tells the first."""
    DELETED = "deleted"
    """It was deleted here since; it does not come back."""
    REFUSED = "refused"


class Item(Value):
    """What became of one object."""

    kind: ObjectKind
    id: Id
    progress: Progress
    error: Problem | None = None


class Imported(Value):
    """What became of each, in the order asked."""

    items: tuple[Item, ...]
