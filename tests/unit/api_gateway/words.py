"""What owners say in these tests."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import SecretStr
from stowage_contracts.catalogue import Finding, PlacementAnswer, PlacementRule, PlannedMove
from stowage_contracts.grants import Grant, PartDone, PartUrl
from stowage_contracts.message import Message
from stowage_contracts.messages.data_motion import CopyPlanned
from stowage_contracts.messages.image_store import (
    EvacuationPlanned,
    ExplainPlacement,
    FindingsListed,
    HostChanged,
    LinkMade,
    ListFindings,
    ListStoreObjects,
    MakeLink,
    MovesPlanned,
    OpenUpload,
    PlacementExplained,
    PlacementRuleChanged,
    PlanEvacuation,
    PlanMoves,
    ProviderOffered,
    SnapshotChanged,
    StoreAdded,
    StoreObjectsListed,
    TemplateChanged,
    UploadOpened,
    VolumeChanged,
    ZoneAdded,
)
from stowage_contracts.values import Location, ObjectRef, Scope, Transfer
from stowage_contracts.views import (
    CopyView,
    HostView,
    ProviderView,
    SnapshotView,
    StoreView,
    TemplateView,
    VolumeView,
    ZoneView,
)

CREATED = datetime(2026, 1, 1, tzinfo=UTC)
LATER = datetime(2100, 1, 1, tzinfo=UTC)
PRESIGNED = "https://s3.example/b/t1?X-Amz-Signature=canary"
TEMPLATE_OBJECT = {"kind": "template", "id": "t1"}


def zone(id: str = "z1", name: str = "one") -> ZoneAdded:
    return ZoneAdded(state=ZoneView(id=id, name=name))


def store(id: str = "s1", **changes: Any) -> StoreAdded:
    fields = {
        "name": id,
        "provider": "directory",
        "role": "Image",
        "scope": Scope.region(),
        "state": "Up",
    }
    return StoreAdded(state=StoreView(id=id, **{**fields, **changes}))


def host(id: str = "h1", **changes: Any) -> HostChanged:
    fields = {"name": id, "location": Location(host_id=id), "hypervisor": "KVM", "state": "Up"}
    return HostChanged(state=HostView(id=id, **{**fields, **changes}))


def pool(id: str = "p1") -> StoreAdded:
    return store(id, role="Primary")


def provider(id: str = "s3", **changes: Any) -> ProviderOffered:
    fields = {"name": "S3", "roles": ["Image"], "scopes": ["region"], "settings": FORM}
    return ProviderOffered(state=ProviderView(id=id, **{**fields, **changes}))


FORM = {
    "type": "object",
    "properties": {
        "bucket": {"type": "string"},
        "private_path": {"type": "string"},
        "secret_key": {"type": "string", "format": "password", "writeOnly": True},
        "token": {"anyOf": [{"type": "string", "writeOnly": True}, {"type": "null"}]},
    },
}
OBJECT = {
    "account_id": "admin",
    "name": "disk",
    "format": "raw",
    "scope": Scope.region(),
    "created": CREATED,
}


def template(id: str = "t1", **changes: Any) -> TemplateChanged:
    fields = {**OBJECT, "hypervisor": "KVM", **changes}
    return TemplateChanged(state=TemplateView(id=id, **fields))


def volume(id: str = "t1", **changes: Any) -> VolumeChanged:
    return VolumeChanged(state=VolumeView(id=id, **{**OBJECT, **changes}))


def snapshot(id: str = "t1", **changes: Any) -> SnapshotChanged:
    return SnapshotChanged(state=SnapshotView(id=id, **{**OBJECT, **changes}))


OBJECTS = {"templates": template, "volumes": volume, "snapshots": snapshot}


def rule(id: str = "r1", **changes: Any) -> PlacementRuleChanged:
    return PlacementRuleChanged(state=PlacementRule(id=id, **{"name": "rule", **changes}))


def link_made(question: Any) -> LinkMade:
    expires = datetime.now(UTC) + timedelta(seconds=question.seconds)
    return LinkMade(
        link_id=question.link_id, store_id="s1", url=SecretStr(PRESIGNED), expires=expires
    )


def upload_opened(question: Any) -> UploadOpened:
    numbers = range(question.first_part, question.first_part + question.part_count)
    grant = Grant(
        writes=True,
        session="session",
        part_size=1 << 20,
        part_growth=1000,
        parts=tuple(PartUrl(number=n, url=SecretStr(f"{PRESIGNED}&n={n}")) for n in numbers),
        done=(PartDone(number=1, size=1 << 20, etag="e"),),
        expires=LATER,
    )
    return UploadOpened(object=question.object, grant=grant, expires=LATER)


def evacuation_planned(question: Any) -> EvacuationPlanned:
    move = PlannedMove(
        object=ObjectRef(**TEMPLATE_OBJECT), size=7, to_store_id="s2", possible=True, reason="room"
    )
    return EvacuationPlanned(store_id=question.store_id, moves=(move,), bytes_to_move=7)


def findings_listed(question: Any) -> FindingsListed:
    finding = Finding(
        id="f1",
        kind="orphan",
        key="template/t9",
        first_seen=CREATED,
        last_seen=CREATED,
        sightings=2,
        removable=True,
    )
    return FindingsListed(store_id=question.store_id, findings=(finding,))


def placement_explained(question: Any) -> PlacementExplained:
    answer = PlacementAnswer(store_id="s1", chosen=True, allowed=True, reason="most room")
    return PlacementExplained(account_id=question.account_id, answers=(answer,))


def shelf_listed(question: Any) -> StoreObjectsListed:
    return StoreObjectsListed(store_id=question.store_id, entries=(), count=0)


def moves_planned(question: Any) -> MovesPlanned:
    return MovesPlanned(store_id=question.store_id, moves=())


ANSWERS: Mapping[type[Message], Callable[[Message], Message]] = {
    MakeLink: link_made,
    OpenUpload: upload_opened,
    PlanEvacuation: evacuation_planned,
    ListFindings: findings_listed,
    ExplainPlacement: placement_explained,
    ListStoreObjects: shelf_listed,
    PlanMoves: moves_planned,
}
"""What image-store says when it is asked."""


def planned(id: str = "c1", **changes: Any) -> CopyPlanned:
    fields = {
        "account_id": "admin",
        "object": TEMPLATE_OBJECT,
        "source": "a",
        "destination": "b",
        "state": "planned",
        "leader_id": id,
        "created": CREATED,
        "strategy": "direct",
        "transfer": Transfer(bytes_total=100),
    }
    return CopyPlanned(state=CopyView(id=id, **{**fields, **changes}))
