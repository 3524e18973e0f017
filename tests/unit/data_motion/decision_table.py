"""The world of the decision table: ends, agents, caches, fleets; a row of it; its plan in words."""

from typing import NamedTuple

from data_motion.model.plan import Decision, decide
from data_motion.strategies.direct import DirectStrategy
from data_motion.strategies.hypervisor_native import HypervisorNativeStrategy
from data_motion.strategies.store_native import StoreNativeStrategy
from data_motion.strategies.via_cache import ViaCacheStrategy
from stowage_contracts.caching import CacheFleetView
from stowage_contracts.plugins.data_motion_strategy import (
    AgentView,
    DataMotionStrategy,
    MotionAsk,
    MotionPlan,
)
from stowage_contracts.values import (
    CacheUse,
    CopyEnd,
    HopMethod,
    HypervisorKind,
    ImageFormat,
    Location,
    Scope,
    ScopeType,
)
from stowage_contracts.views import StoreView

from tests.unit.data_motion.build import (
    abilities,
    asked,
    cache,
    fleet,
    image,
    kvm,
    mover,
    place,
    pool,
    prefetch,
)
from tests.unit.data_motion.build import url as http_url

BUILT_IN: dict[str, DataMotionStrategy] = {
    strategy.name: strategy
    for strategy in (
        DirectStrategy(),
        HypervisorNativeStrategy(),
        StoreNativeStrategy(),
        ViaCacheStrategy(),
    )
}

WEB, FILES = ("http", "https", "nfs", "file"), ("file",)
SHARED = Scope(type=ScopeType.CLUSTER, id="c1", zone_id="z1")
BOTH = (ImageFormat.RAW, ImageFormat.QCOW2)


def agent(host_id: str, kind: str, schemes: tuple[str, ...] = WEB, **changes: object) -> AgentView:
    """A host of zone z1, cluster c1."""
    given = {"reads": schemes, "writes": schemes, "fetch": schemes is WEB, **changes}
    can = abilities(HypervisorKind(kind), **given)
    return AgentView(host_id=host_id, location=place(host_id), abilities=can)


AGENTS: dict[str, AgentView] = {
    "kvm": kvm("kvm", reads=WEB, writes=WEB),
    "kvm2": kvm("kvm2", reads=WEB, writes=WEB),
    "kvm moves": kvm("kvm", moves=True),
    "kvm far": kvm("kvm-far", zone="z2"),
    "kvm converts": kvm("kvm", convert=BOTH),
    "vmware": agent("vmware", "VMware"),
    "vmware moves": agent("vmware", "VMware", moves=True),
    "vmware2 moves": agent("vmware2", "VMware", moves=True),
    "xen files": agent("xen", "XenServer", FILES),
    "xen nfs": agent("xen", "XenServer", ("file", "nfs")),
    "xen web": agent("xen", "XenServer"),
    "xen moves": agent("xen", "XenServer", FILES, moves=True),
    "mover": mover("mover", reads=WEB, writes=WEB),
    "mover blind": mover("mover", reads=("https",), writes=("https",), fetch=True, roots=()),
}


def on_pool(host: str, name: str = "one", **changes: object) -> CopyEnd:
    """A pool that only that host sees; its root is below what all agents here may open."""
    given = {"store_id": f"{AGENTS[host].host_id}-{name}", "root": f"/pool/{name}", **changes}
    return pool(AGENTS[host], **given)


def shared_pool(host: str, name: str) -> CopyEnd:
    """A pool every host of the cluster sees."""
    return on_pool(host, name, scope=SHARED, store_id=f"shared-{name}")


def of(store: str, provider: str, schemes: tuple[str, ...], **changes: object) -> CopyEnd:
    return image(store, provider=provider, schemes=schemes, **changes)


ENDS: dict[str, CopyEnd] = {
    "URL": http_url(),
    "S3": of("s3", "S3", ("https",), server="s3:one"),
    "S3 b": of("s3-b", "S3", ("https",), server="s3:one"),
    "S3 else": of("s3-c", "S3", ("https",), server="s3:two"),
    "S3 b raw": of("s3-b", "S3", ("https",), server="s3:one", format=ImageFormat.RAW),
    "Swift": of("swift", "Swift", ("https",), server="swift:one"),
    "Swift b": of("swift-b", "Swift", ("https",), server="swift:one"),
    "NFS": of("nfs", "NFS", ("nfs",), scope=Scope.zone("z1")),
    "NFS mount": of("nfs", "directory", FILES, root="/pool/nfs", scope=Scope.zone("z1")),
    "dir unseen": of("dir", "directory", FILES, root="/else", scope=Scope.zone("z1")),
    "kvm pool": on_pool("kvm"),
    "kvm pool raw": on_pool("kvm", format=ImageFormat.RAW),
    "kvm pool b": on_pool("kvm", "two"),
    "kvm2 pool": on_pool("kvm2"),
    "kvm shared": shared_pool("kvm", "one"),
    "kvm shared b": shared_pool("kvm", "two"),
    "vmware pool": on_pool("vmware"),
    "vmware pool b": on_pool("vmware", "two"),
    "vmware shared": shared_pool("vmware", "one"),
    "vmware shared b": shared_pool("vmware", "two"),
    "xen pool": on_pool("xen files"),
    "xen pool b": on_pool("xen files", "two"),
    "cached": prefetch().destination,
}
CACHES: dict[str, StoreView] = {
    "zone": cache("zone"),
    "zone 2": cache("zone-2", scope=Scope.zone("z2")),
    "region": cache("region", scope=Scope.region()),
    "cluster": cache("cluster", scope=SHARED),
}


class Row(NamedTuple):
    """One line of the table."""

    source: str
    destination: str
    agents: str
    caches: str
    plan: str
    method: HopMethod = HopMethod.COPY
    """How its install strategy wants it made."""
    use: CacheUse = CacheUse.WHEN_REQUIRED
    """How the operator wants caches used."""


FLEETS: dict[str, CacheFleetView] = {
    "fleet": fleet("fleet"),
    "fleet 2": fleet("fleet-2", scope=Scope.zone("z2")),
    "fleet cluster": fleet("fleet-cluster", scope=SHARED),
    "fleet closed": fleet("fleet-closed", maximum=0),
    "fleet leaving": fleet("fleet-leaving", removing=True),
}


def decided(row: Row) -> Decision:
    there = Location(zone_id="z1")
    request = asked(
        source=ENDS[row.source],
        destination=ENDS[row.destination],
        method=row.method,
        location=there,
    )
    ask = MotionAsk(
        request=request,
        agents=tuple(AGENTS[name] for name in split(row.agents)),
        caches=tuple(CACHES[name] for name in split(row.caches) if name in CACHES),
        fleets=tuple(FLEETS[name] for name in split(row.caches) if name in FLEETS),
        cache_use=row.use,
        wanted_by="the policy of zone z1",
    )
    return decide(ask, BUILT_IN)


def told(decision: Decision) -> str:
    """A plan in the words of the table."""
    if decision.problem is not None:
        return "refused"
    if decision.strategy == "via-cache":
        return "via-cache: " + _staged(decision.plan)
    (leg,) = decision.plan.hops
    method = f": {leg.method}" if leg.method is not HopMethod.COPY else ""
    where = f" on {leg.must_run_on}" if leg.must_run_on else ""
    return f"{decision.strategy}{method}{where}"


def _staged(plan: MotionPlan) -> str:
    if len(plan.hops) == 1:
        (fill,) = plan.hops
        return f"fill first on {fill.must_run_on}" if fill.must_run_on else "fill"
    fill, read = plan.hops
    assert (fill.destination_is_cache, read.source_is_cache) == (True, True)
    first = [f"first on {fill.must_run_on}"] if fill.must_run_on else []
    then = [f"then on {read.must_run_on}"] if read.must_run_on else []
    return " ".join(first + then)


def split(names: str) -> list[str]:
    return [name for name in names.split(", ") if name]
