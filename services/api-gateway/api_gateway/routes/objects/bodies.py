"""What callers say of templates, volumes and snapshots."""

from typing import Literal, Self

from pydantic import Field, SecretStr, field_validator, model_validator
from stowage_contracts.values import (
    Bytes,
    Digest,
    HypervisorKind,
    Id,
    ImageFormat,
    Name,
    ObjectKind,
    ScopeType,
)

from api_gateway.bodies import Given
from api_gateway.filters import NamedQuery, OwnedQuery
from api_gateway.resources import Match

LONGEST_URL = 4096
LARGEST = 1 << 50
"""Bytes of one object that anybody may speak of."""
MOST_COPIES, MOST_TAGS, MOST_PARTS, MOST_URLS = 32, 64, 10_000, 500
_EVERYWHERE: Match = {"scope": {"type": ScopeType.REGION.value}}
FOREIGN, STORED = ("http", "https"), ("s3", "swift")
"""Schemes that are fetched, and those that name an object on a known store."""


class NewObject(Given):
    """An image to fetch from a URL, take from a known store or have uploaded; verified and kept."""

    id: Id | None = None
    name: Name
    url: SecretStr | None = None
    """http or https, which may carry credentials and is sealed at once; or ``s3://`` and
    ``swift://`` of a known store."""
    upload: bool = False
    """Instead of a URL: the caller sends the bytes (``POST …/upload``)."""
    format: ImageFormat
    scope: Literal["regionWide", "perZone"] | None = None
    """Follows from ``zone_id`` when missing."""
    zone_id: Id | None = None
    """One zone; region-wide when missing."""
    checksum: Digest | None = None
    """``<algorithm>:<hex>`` of the bytes at the URL or sent; refused when they differ."""
    size: Bytes | None = Field(default=None, le=LARGEST)
    """Length of an upload, where it is known."""
    store_ids: tuple[Id, ...] = Field(default=(), max_length=MOST_COPIES)
    """Stores that must each get a replica; otherwise placement decides."""
    min_copies: int = Field(default=1, ge=1, le=MOST_COPIES)
    max_copies: int | None = Field(default=None, ge=1, le=MOST_COPIES)
    tags: tuple[Name, ...] = Field(default=(), max_length=MOST_TAGS)
    in_place: bool = False
    """Leave an object of a known store where it is instead of copying it."""

    @field_validator("url")
    @classmethod
    def _known_scheme(cls, url: SecretStr | None) -> SecretStr | None:
        if url is not None and (scheme_of(url) == "" or len(url.get_secret_value()) > LONGEST_URL):
            known = ", ".join((*FOREIGN, *STORED))
            raise ValueError(f"a URL is {known} and has at most {LONGEST_URL} characters")
        return url

    @model_validator(mode="after")
    def _of_one_piece(self) -> Self:
        if self.upload == (self.url is not None):
            raise ValueError("give either url or upload: true")
        if self.size is not None and not self.upload:
            raise ValueError("size is given with an upload; of a URL it is found out")
        if self.in_place and (self.url is None or scheme_of(self.url) not in STORED):
            raise ValueError("in_place goes with a URL of a known store (s3, swift)")
        if self.scope is not None and (self.scope == "perZone") != (self.zone_id is not None):
            raise ValueError("perZone names a zone_id, regionWide names none")
        check_copies(self.min_copies, self.max_copies)
        return self


def scheme_of(url: SecretStr) -> str:
    """One of the schemes that are known; empty otherwise."""
    scheme, found, rest = url.get_secret_value().partition("://")
    return scheme.lower() if found and rest and scheme.lower() in (*FOREIGN, *STORED) else ""


def check_copies(least: int, most: int | None) -> None:
    """Raises ValueError for fewer copies at most than at least."""
    if most is not None and most < least:
        raise ValueError("max_copies is less than min_copies")


class NewTemplate(NewObject):
    """A template, or an ISO by its format."""

    hypervisor: HypervisorKind = HypervisorKind.KVM


class NewVolume(NewObject):
    """A volume kept on image stores."""


class NewSnapshot(NewObject):
    """A snapshot; one with a parent is readable only together with it."""

    volume_id: Id | None = None
    parent_id: Id | None = None


class ObjectChange(Given):
    """What to change; what is left out stays."""

    name: Name | None = None
    tags: tuple[Name, ...] | None = Field(default=None, max_length=MOST_TAGS)
    min_copies: int | None = Field(default=None, ge=1, le=MOST_COPIES)
    max_copies: int | None = Field(default=None, ge=1, le=MOST_COPIES)

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not self.model_dump(exclude_none=True):
            raise ValueError("name what is to change")
        return self


class ObjectsQuery(NamedQuery, OwnedQuery):
    """Which objects."""

    kind: ObjectKind | None = None
    format: ImageFormat | None = None
    zone_id: Id | None = None
    """Those wished for in a zone; with ``ready`` those that are (not) ready there."""
    tag: Name | None = None
    ready: bool | None = None

    def any_of(self) -> list[Match]:
        """Those wished for in the zone by name, or everywhere."""
        base = {"removed": False, **self.given("kind", "format", *self._own())}
        if self.tag is not None:
            base["tags"] = [self.tag]
        if self.zone_id is None:
            return [{**base, **self.given("ready")}]
        there = {**base, "zones": [{"zone_id": self.zone_id, **self.given("ready")}]}
        if self.ready:
            return [there]
        return [there, {**base, **_EVERYWHERE, **self.given("ready")}]

    def _own(self) -> tuple[str, ...]:
        """Fields of one noun's states that are asked for as they are."""
        return ()


class TemplatesQuery(ObjectsQuery):
    """Which templates and ISOs."""

    hypervisor: HypervisorKind | None = None

    def _own(self) -> tuple[str, ...]:
        return ("hypervisor",)


class SnapshotsQuery(ObjectsQuery):
    """Which snapshots."""

    volume_id: Id | None = None
    parent_id: Id | None = None

    def _own(self) -> tuple[str, ...]:
        return ("volume_id", "parent_id")


class WantedZone(Given):
    """One more zone to have an object in."""

    zone_id: Id


class WantedParts(Given):
    """Which part URLs of an upload are wanted; none for its session and journal only."""

    first_part: int = Field(default=1, ge=1, le=MOST_PARTS)
    part_count: int = Field(default=0, ge=0, le=MOST_URLS)


class SentAll(Given):
    """Everything was sent."""

    size: Bytes = Field(le=LARGEST)
