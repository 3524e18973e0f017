"""What differs between templates (with ISOs), volumes and snapshots."""

from dataclasses import dataclass

from pydantic import BaseModel
from stowage_contracts.message import Message
from stowage_contracts.messages.image_store import (
    DeleteSnapshot,
    DeleteTemplate,
    DeleteVolume,
    Register,
    RegisterSnapshot,
    RegisterTemplate,
    RegisterVolume,
)
from stowage_contracts.values import Id, ImageFormat, ObjectKind
from stowage_contracts.views import ObjectView, SnapshotView, TemplateView, VolumeView

from api_gateway.resources import Page
from api_gateway.routes.objects.bodies import (
    NewObject,
    NewSnapshot,
    NewTemplate,
    NewVolume,
    ObjectsQuery,
    SnapshotsQuery,
    TemplatesQuery,
)


class RegisteredTemplate(TemplateView):
    """A template and the copy that fetches it; none where nothing is fetched."""

    copy_id: Id | None


class RegisteredVolume(VolumeView):
    """A volume and the copy that fetches it; none where nothing is fetched."""

    copy_id: Id | None


class RegisteredSnapshot(SnapshotView):
    """A snapshot and the copy that fetches it; none where nothing is fetched."""

    copy_id: Id | None


@dataclass(frozen=True)
class Noun:
    """One kind of object: its models, its commands and its own fields."""

    name: str
    body: type[NewObject]
    registered: type[ObjectView]
    view: type[ObjectView]
    listing: type[BaseModel]
    register: type[Register]
    delete: type[Message]
    query: type[ObjectsQuery] = ObjectsQuery
    own: frozenset[str] = frozenset()
    """Fields of its body that the others don't have."""

    @property
    def path(self) -> str:
        """Where it is served."""
        return f"/v1/{self.tag}"

    @property
    def tag(self) -> str:
        """Its plural."""
        return f"{self.name}s"

    @property
    def key(self) -> str:
        """The field of its commands that names it."""
        return f"{self.name}_id"

    def kind(self, format: ImageFormat) -> ObjectKind:
        """A template whose format is ISO is one."""
        iso = self.name == ObjectKind.TEMPLATE and format is ImageFormat.ISO
        return ObjectKind.ISO if iso else ObjectKind(self.name)


NOUNS = (
    Noun(
        name="template",
        body=NewTemplate,
        registered=RegisteredTemplate,
        view=TemplateView,
        listing=Page[TemplateView],
        register=RegisterTemplate,
        delete=DeleteTemplate,
        query=TemplatesQuery,
        own=frozenset({"hypervisor"}),
    ),
    Noun(
        name="volume",
        body=NewVolume,
        registered=RegisteredVolume,
        view=VolumeView,
        listing=Page[VolumeView],
        register=RegisterVolume,
        delete=DeleteVolume,
    ),
    Noun(
        name="snapshot",
        body=NewSnapshot,
        registered=RegisteredSnapshot,
        view=SnapshotView,
        listing=Page[SnapshotView],
        register=RegisterSnapshot,
        delete=DeleteSnapshot,
        query=SnapshotsQuery,
        own=frozenset({"volume_id", "parent_id"}),
    ),
)
