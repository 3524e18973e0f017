"""What is taken over from CloudStack's answers: named fields, checked; the rest stays out."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

import structlog
from pydantic import (
    AliasChoices,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
)
from stowage_contracts.errors import Unavailable
from stowage_contracts.values import Bytes, Id, Name

from api_gateway.cloudstack.describing import Change

_log = structlog.get_logger(__name__)
R = TypeVar("R", bound="Row")


def _clipped(value: Any) -> Any:
    return value[:200].replace("\0", "") if isinstance(value, str) else value


Word = Annotated[str, BeforeValidator(_clipped)]


class Row(BaseModel):
    """One object of an answer."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    id: Id
    name: Annotated[Name, BeforeValidator(_clipped)]


class Place(Row):
    """A zone, pod, cluster or host."""

    zoneid: Id | None = None
    podid: Id | None = None
    clusterid: Id | None = None
    hypervisor: Word = Field("", validation_alias=AliasChoices("hypervisor", "hypervisortype"))
    state: Word = Field("", validation_alias=AliasChoices("state", "allocationstate"))
    type: Word = ""


class Owned(Row):
    """Something of an account."""

    accountid: Id | None = None
    account: Word = ""
    domainid: Id | None = None
    zoneid: Id | None = None
    state: Word = ""
    created: Word = ""


class ImageRow(Owned):
    """A template or ISO in one zone."""

    format: Word = ""
    hypervisor: Word = ""
    isready: bool = False
    ispublic: bool = False
    isfeatured: bool = False
    isextractable: bool = False
    crosszones: bool = Field(False, validation_alias=AliasChoices("crossZones", "crosszones"))
    checksum: Word = ""
    size: Bytes | None = None
    status: Word = ""
    templatetype: Word = ""
    removed: Word = ""
    url: SecretStr | None = Field(None, repr=False)
    displaytext: Word | None = None
    ostypeid: Id | None = None
    ostypename: Word | None = None
    passwordenabled: bool | None = None
    bootable: bool | None = None
    requireshvm: bool | None = None
    sshkeyenabled: bool | None = None
    isdynamicallyscalable: bool | None = None
    templatetag: Word | None = None
    arch: Word | None = None
    bits: int | None = None
    deployasis: bool | None = None
    forcks: bool | None = None


class VolumeRow(Owned):
    """A volume."""

    size: Bytes | None = None
    type: Word = ""
    templateid: Id | None = None
    storageid: Id | None = None
    virtualmachineid: Id | None = None


class SnapshotRow(Owned):
    """A snapshot, in one zone or on one store."""

    volumeid: Id | None = None
    parent: Id | None = None
    physicalsize: Bytes | None = None
    virtualsize: Bytes | None = None
    snapshottype: Word = ""
    locationtype: Word = ""


DESCRIBING = (
    "displaytext",
    "ostypeid",
    "ostypename",
    "passwordenabled",
    "bootable",
    "requireshvm",
    "sshkeyenabled",
    "isdynamicallyscalable",
    "templatetag",
    "templatetype",
    "arch",
    "bits",
    "deployasis",
    "forcks",
)
"""What is told of a template beside its bytes, by the names of CloudStack's answers."""


@dataclass(frozen=True)
class Image:
    """A template or ISO with all its zones."""

    row: ImageRow
    """Its first row."""
    iso: bool
    account_id: str
    zones: tuple[str, ...]
    """Those it lives in."""
    left: tuple[str, ...]
    """Those it was removed from."""
    everywhere: bool
    ready: bool
    removed: bool

    @property
    def description(self) -> Change:
        """What CloudStack tells of it beside its bytes."""
        row = self.row
        told = row.model_dump(include=set(DESCRIBING), exclude_none=True)
        kept = {name: value for name, value in told.items() if value != ""}
        return Change(row.ispublic, row.isfeatured, row.isextractable, kept)

    @property
    def kept(self) -> dict[str, Any]:
        """What is stored of it: no URL, which may carry credentials."""
        left_out = {"url", "zoneid", "id", "isready", "removed"}
        told = self.row.model_dump(exclude=left_out, exclude_none=True)
        return {**told, "iso": self.iso, "zones": list(self.zones), "ready": self.ready}


@dataclass(frozen=True)
class Thing:
    """A volume or snapshot."""

    row: VolumeRow | SnapshotRow
    account_id: str
    removed: bool

    @property
    def kept(self) -> dict[str, Any]:
        """What is stored of it."""
        return self.row.model_dump(exclude={"id"})


def rows_of(kind: type[R], found: Iterable[Mapping[str, Any]]) -> list[R]:
    """The rows of an answer; raises Unavailable, which names the fields that are wrong."""
    try:
        return [kind.model_validate(row) for row in found]
    except ValidationError as error:
        wrong = sorted({str(each["loc"][0]) for each in error.errors() if each["loc"]})
        raise Unavailable(
            f"CloudStack's answer has fields that are none: {', '.join(wrong)}",
            resource=kind.__name__,
            code="cloudstack_answer",
        ) from None


def usable(kind: type[R], found: Iterable[Mapping[str, Any]]) -> list[R]:
    """The rows of a list that can be read; one that cannot keeps no other from being seen."""
    rows = []
    for row in found:
        try:
            rows += rows_of(kind, [row])
        except Unavailable as error:
            _log.warning("mirror.row_left_out", kind=kind.__name__, cause=error.cause)
    return rows


def by_id(rows: Iterable[R]) -> dict[str, list[R]]:
    """Rows of one entity together, in the order they came."""
    found: dict[str, list[R]] = {}
    for row in rows:
        found.setdefault(row.id, []).append(row)
    return found


def image_of(rows: list[ImageRow], *, iso: bool, account: Callable[[Owned], str]) -> Image:
    """One template or ISO of all its rows."""
    alive = [row for row in rows if not row.removed]
    zones = tuple(dict.fromkeys(row.zoneid for row in alive if row.zoneid))
    told = dict.fromkeys(row.zoneid for row in rows if row.zoneid)
    return Image(
        row=alive[0] if alive else rows[0],
        iso=iso,
        account_id=account(rows[0]),
        zones=zones,
        left=tuple(zone for zone in told if zone not in zones),
        everywhere=any(row.crosszones for row in alive) or not any(row.zoneid for row in alive),
        ready=any(row.isready for row in alive),
        removed=not alive,
    )


def thing_of(rows: Sequence[VolumeRow | SnapshotRow], account: Callable[[Owned], str]) -> Thing:
    """One volume or snapshot of all its rows."""
    row = rows[0]
    return Thing(row, account(row), row.state in ("Expunged", "Destroyed"))
