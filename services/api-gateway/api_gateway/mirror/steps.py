"""What can be done here because of something there; each is one command to an owner."""

from dataclasses import dataclass, field

from stowage_contracts.values import ObjectRef, Value

from api_gateway.cloudstack.describing import Change
from api_gateway.routes.hosts import NewHost
from api_gateway.routes.objects.bodies import NewTemplate
from api_gateway.routes.places import NewCluster, NewPod, NewZone


@dataclass(frozen=True)
class Create:
    """A place that is not known here."""

    body: NewZone | NewPod | NewCluster | NewHost

    @property
    def told(self) -> str:
        """As an operator reads it."""
        noun = type(self.body).__name__.removeprefix("New")
        return f"Add{noun} {self.body.name}"


@dataclass(frozen=True)
class Register:
    """A template or ISO that is fetched from its URL."""

    body: NewTemplate = field(repr=False)
    account_id: str
    account: str
    """The account's name."""
    description: Change

    @property
    def told(self) -> str:
        """Without its URL."""
        where = f"zone {self.body.zone_id}" if self.body.zone_id else "every zone"
        return f"RegisterTemplate {self.body.name} ({self.body.format}) in {where}"


@dataclass(frozen=True)
class Describe:
    """What is told of a template beside its bytes, and whether it is public."""

    id: str
    account_id: str
    change: Change

    @property
    def told(self) -> str:
        """As an operator reads it."""
        flags = ("public", "featured", "extractable")
        named = [each for each in flags if getattr(self.change, each) is not None]
        return f"describe {', '.join([*named, *sorted(self.change.attributes)])}"


@dataclass(frozen=True)
class Spread:
    """A template in one more zone."""

    object: ObjectRef
    zone_id: str

    @property
    def told(self) -> str:
        """As an operator reads it."""
        return f"CopyToZone {self.zone_id}"


@dataclass(frozen=True)
class Leave:
    """A template that is gone from one zone there, and lives on in others."""

    object: ObjectRef
    zone_id: str

    @property
    def told(self) -> str:
        """As an operator reads it."""
        return f"LeaveZone {self.zone_id}"


@dataclass(frozen=True)
class Rename:
    """Another name there."""

    object: ObjectRef
    name: str

    @property
    def told(self) -> str:
        """As an operator reads it."""
        return f"ChangeObject name={self.name}"


@dataclass(frozen=True)
class Delete:
    """It is gone there."""

    noun: str
    id: str

    @property
    def told(self) -> str:
        """As an operator reads it."""
        return f"Delete{self.noun.capitalize()}"


@dataclass(frozen=True)
class Bring:
    """A template onto a cache of a zone."""

    noun: str
    id: str
    zone_id: str

    @property
    def told(self) -> str:
        """As an operator reads it."""
        return f"PrefetchObject to a cache of zone {self.zone_id}"


Step = Create | Register | Describe | Spread | Leave | Rename | Delete | Bring


class Outcome(Value):
    """What became of an entity here, for people."""

    word: str
    """registered, known, waiting, unfit, deleted, missing, kept, removed_here…"""
    why: str = ""
    patience: bool = False
    """Something must happen first: look again soon."""
