"""Agents, ends, copies and rules for tests of data-motion."""

from datetime import UTC, datetime
from typing import Any

from data_motion.model.limits import Limits, Rules
from pydantic import SecretStr
from stowage_contracts.caching import CacheFleetView
from stowage_contracts.hosts import HostAbilities
from stowage_contracts.messages.data_motion import CancelCopy, HopCommitted
from stowage_contracts.messages.hypervisor_agent import (
    ExecuteHop,
    HopFinished,
    HopProgressed,
    HopYielded,
    HostJoined,
)
from stowage_contracts.messages.image_store import CopyRequested
from stowage_contracts.plugins.data_motion_strategy import AgentView
from stowage_contracts.values import (
    CopyEnd,
    EndKind,
    GrantRef,
    HypervisorKind,
    ImageFormat,
    Location,
    ObjectKind,
    ObjectRef,
    Range,
    Receipt,
    Scope,
    ScopeType,
    ServiceName,
    StoreRole,
    StoreState,
    Transfer,
)
from stowage_contracts.views import StoreView

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SIZE = 8 << 20
DIGEST = "sha256-tree-4m:" + "a" * 64
OTHER_DIGEST = "sha256-tree-4m:" + "b" * 64
WEB = ("http", "https", "file")
RULES = Rules(Limits(), lambda ticket, expires: SecretStr(ticket.model_dump_json()))


def place(host_id: str, zone: str = "z1") -> Location:
    return Location(zone_id=zone, pod_id="p1", cluster_id="c1", host_id=host_id)


def abilities(kind: HypervisorKind = HypervisorKind.KVM, **changes: Any) -> HostAbilities:
    given = {"reads": WEB, "writes": WEB, "roots": ("/pool",), "fetch": True, "slots": 4}
    return HostAbilities(hypervisor=kind, **(given | changes))


def kvm(host_id: str = "kvm1", zone: str = "z1", **changes: Any) -> AgentView:
    return AgentView(host_id=host_id, location=place(host_id, zone), abilities=abilities(**changes))


def xen(host_id: str = "xen1", zone: str = "z1", **changes: Any) -> AgentView:
    only_files = {"reads": ("file",), "writes": ("file",), "fetch": False} | changes
    return AgentView(
        host_id=host_id,
        location=place(host_id, zone),
        abilities=abilities(HypervisorKind.XENSERVER, **only_files),
    )


def mover(host_id: str = "mover1", zone: str = "z1", **changes: Any) -> AgentView:
    return AgentView(
        host_id=host_id,
        location=Location(zone_id=zone, host_id=host_id),
        abilities=abilities(HypervisorKind.NONE, **changes),
    )


def joined(agent: AgentView, boot_id: str = "boot1") -> HostJoined:
    return HostJoined(
        host_id=agent.host_id,
        name=agent.host_id,
        location=agent.location,
        abilities=agent.abilities,
        boot_id=boot_id,
    )


def template(id: str = "t1") -> ObjectRef:
    return ObjectRef(kind=ObjectKind.TEMPLATE, id=id)


def url(grant: str = "g-url") -> CopyEnd:
    return CopyEnd(
        kind=EndKind.URL,
        object=template(),
        schemes=("https",),
        format=ImageFormat.QCOW2,
        grant=GrantRef(id=grant, owner=ServiceName.IMAGE_STORE),
    )


def image(store: str = "s3", **changes: Any) -> CopyEnd:
    given: dict[str, Any] = {
        "object": template(),
        "role": StoreRole.IMAGE,
        "provider": "S3",
        "store_id": store,
        "schemes": ("https",),
        "key": "template/t1",
        "format": ImageFormat.QCOW2,
        "grant": GrantRef(id=f"g-{store}", owner=ServiceName.IMAGE_STORE),
    }
    return CopyEnd(**(given | changes))


def pool(host: AgentView, **changes: Any) -> CopyEnd:
    given: dict[str, Any] = {
        "object": template(),
        "role": StoreRole.PRIMARY,
        "provider": "directory",
        "store_id": f"pool-{host.host_id}",
        "root": "/pool/one",
        "key": "t1.qcow2",
        "scope": Scope(type=ScopeType.HOST, id=host.host_id, zone_id="z1"),
        "schemes": ("file",),
        "format": ImageFormat.QCOW2,
        "hypervisor": host.abilities.hypervisor,
        "grant": GrantRef(id=f"g-{host.host_id}", owner=ServiceName.HYPERVISOR_AGENT),
    }
    return CopyEnd(**(given | changes))


def cached(grant: str, store: str = "cache1") -> CopyEnd:
    return CopyEnd(
        object=template(),
        role=StoreRole.IMAGE_CACHE,
        provider="directory",
        store_id=store,
        scope=Scope.zone("z1"),
        schemes=("file",),
        root="/pool/cache",
        key="cached/t1",
        format=ImageFormat.QCOW2,
        grant=GrantRef(id=grant, owner=ServiceName.CACHE_AUTOSCALER),
    )


def cache(id: str = "cache1", **changes: Any) -> StoreView:
    given: dict[str, Any] = {
        "id": id,
        "name": id,
        "provider": "directory",
        "role": StoreRole.IMAGE_CACHE,
        "scope": Scope.zone("z1"),
        "state": StoreState.UP,
    }
    return StoreView(**(given | changes))


def fleet(id: str = "fleet1", **changes: Any) -> CacheFleetView:
    given: dict[str, Any] = {"id": id, "name": id, "scope": Scope.zone("z1")}
    return CacheFleetView(**(given | changes))


def prefetch(copy_id: str = "copy1", scope: Scope | None = None, **changes: Any) -> CopyRequested:
    """An object wanted on any cache store of a scope, before anybody reads it."""
    there = scope or Scope.zone("z1")
    end = CopyEnd(
        object=template(),
        role=StoreRole.IMAGE_CACHE,
        scope=there,
        schemes=(),
        format=ImageFormat.QCOW2,
        grant=GrantRef(id=f"g-{copy_id}", owner=ServiceName.CACHE_AUTOSCALER),
    )
    at: dict[str, Any] = {"location": Location(zone_id=there.zone_id), "hold_seconds": 600.0}
    return asked(copy_id, destination=end, **(at | changes))


def asked(
    copy_id: str = "copy1",
    source: CopyEnd | None = None,
    destination: CopyEnd | None = None,
    **changes: Any,
) -> CopyRequested:
    given: dict[str, Any] = {
        "copy_id": copy_id,
        "account_id": "acc1",
        "source": source or image(),
        "destination": destination or image("nfs"),
        "size": SIZE,
        "digest": DIGEST,
    }
    return CopyRequested(**(given | changes))


def receipt(**changes: Any) -> Receipt:
    return Receipt(**({"size": SIZE, "digest": DIGEST, "part": "part"} | changes))


def reported(offer: ExecuteHop, **changes: Any) -> HopFinished:
    given: dict[str, Any] = {
        "host_id": offer.host_id,
        "hop_id": offer.hop_id,
        "copy_id": offer.copy_id,
        "epoch": offer.epoch,
        "receipt": None if "error" in changes else receipt(),
    }
    return HopFinished(**(given | changes))


def moved(offer: ExecuteHop, done: int, **changes: Any) -> HopProgressed:
    given: dict[str, Any] = {
        "host_id": offer.host_id,
        "hop_id": offer.hop_id,
        "copy_id": offer.copy_id,
        "epoch": offer.epoch,
        "transfer": Transfer(bytes_done=done, bytes_total=SIZE, bytes_per_second=1e6),
    }
    return HopProgressed(**(given | changes))


def stopped(offer: ExecuteHop, *ranges: tuple[int, int]) -> HopYielded:
    """Its agent stopped where it was asked to, with these ranges (offset, length) journaled."""
    return HopYielded(
        host_id=offer.host_id,
        hop_id=offer.hop_id,
        copy_id=offer.copy_id,
        epoch=offer.epoch,
        journaled=tuple(Range(offset=at, length=length) for at, length in ranges),
    )


def made_visible(offer: ExecuteHop, **changes: Any) -> HopCommitted:
    given: dict[str, Any] = {
        "hop_id": offer.hop_id,
        "copy_id": offer.copy_id,
        "epoch": offer.epoch,
        "digest": DIGEST,
    }
    return HopCommitted(**(given | changes))


def withdraw(copy_id: str = "copy1") -> CancelCopy:
    return CancelCopy(copy_id=copy_id)
