"""What owners say in these tests."""

from datetime import UTC, datetime
from typing import Any

from stowage_contracts.messages.data_motion import CopyPlanned
from stowage_contracts.messages.image_store import StoreAdded, TemplateChanged, ZoneAdded
from stowage_contracts.values import Scope, Transfer
from stowage_contracts.views import CopyView, StoreView, TemplateView, ZoneView

CREATED = datetime(2026, 1, 1, tzinfo=UTC)
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


def pool(id: str = "p1") -> StoreAdded:
    return store(id, role="Primary")


def template(id: str = "t1", **changes: Any) -> TemplateChanged:
    fields = {
        "account_id": "admin",
        "name": "disk",
        "format": "raw",
        "hypervisor": "KVM",
        "scope": Scope.region(),
        "created": CREATED,
    }
    return TemplateChanged(state=TemplateView(id=id, **{**fields, **changes}))


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
