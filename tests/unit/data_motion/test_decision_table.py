"""Which way every copy goes: by its ends, the hypervisor, and what agents declare of themselves.

Read a row as: from, to, the agents there are, the caches there are -> the plan.
"""

from typing import NamedTuple

import pytest
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
    StoreRole,
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
CLONE, BACKING = HopMethod.CLONE, HopMethod.BACKING
COPY, NEVER, ALWAYS = HopMethod.COPY, CacheUse.NEVER, CacheUse.ALWAYS
TABLE = [
    # registration: whoever may fetch and reaches the store
    Row("URL", "S3", "mover", "", "direct"),
    Row("URL", "Swift", "kvm", "", "direct"),
    Row("URL", "NFS", "mover", "", "direct"),
    Row("URL", "NFS mount", "mover, xen files", "", "direct"),
    Row("URL", "NFS mount", "mover blind", "", "refused"),
    Row("URL", "S3", "xen files", "zone", "refused"),
    Row("URL", "S3", "", "", "refused"),
    # image store to image store
    Row("S3", "S3 b", "mover", "", "store-native: clone"),
    Row("Swift", "Swift b", "mover", "", "store-native: clone"),
    Row("S3", "S3 b", "xen files", "", "refused"),
    Row("S3", "S3 else", "mover", "", "direct"),
    Row("S3", "S3 b raw", "kvm converts", "", "direct"),
    Row("S3", "Swift", "kvm", "", "direct"),
    Row("Swift", "NFS", "mover", "", "direct"),
    Row("NFS", "S3", "kvm", "zone", "direct"),
    Row("NFS mount", "S3", "mover", "", "direct"),
    Row("dir unseen", "S3", "mover, kvm", "zone", "refused"),
    # KVM goes direct to and from every store, cache or not
    Row("S3", "kvm pool", "kvm", "", "direct on kvm"),
    Row("S3", "kvm pool", "kvm, mover", "zone", "direct on kvm"),
    Row("Swift", "kvm pool", "kvm", "zone", "direct on kvm"),
    Row("NFS", "kvm pool", "kvm", "zone", "direct on kvm"),
    Row("NFS mount", "kvm pool", "kvm", "zone", "direct on kvm"),
    Row("kvm pool", "S3", "kvm", "zone", "direct on kvm"),
    Row("kvm pool", "Swift", "kvm", "zone", "direct on kvm"),
    Row("kvm pool", "NFS", "kvm", "zone", "direct on kvm"),
    Row("S3", "kvm shared", "kvm, kvm2", "", "direct"),
    Row("S3", "kvm pool raw", "kvm converts", "", "direct on kvm"),
    Row("S3", "kvm pool raw", "kvm", "zone", "refused"),
    Row("S3", "kvm pool", "kvm2, mover", "zone", "refused"),
    Row("URL", "kvm pool", "kvm", "", "direct on kvm"),
    # so does VMware
    Row("S3", "vmware pool", "vmware", "zone", "direct on vmware"),
    Row("Swift", "vmware pool", "vmware", "", "direct on vmware"),
    Row("NFS", "vmware pool", "vmware", "zone", "direct on vmware"),
    Row("vmware pool", "S3", "vmware", "zone", "direct on vmware"),
    Row("vmware pool", "NFS", "vmware", "", "direct on vmware"),
    Row("S3", "vmware pool", "kvm, mover", "zone", "refused"),
    # XenServer stages where its API reads files or NFS only, and nowhere else
    Row("S3", "xen pool", "xen files, mover", "zone", "via-cache: then on xen"),
    Row("S3", "xen pool", "xen files, kvm", "cluster", "via-cache: then on xen"),
    Row("S3", "xen pool", "xen files, kvm far", "region", "via-cache: then on xen"),
    Row("Swift", "xen pool", "xen nfs, mover", "zone", "via-cache: then on xen"),
    Row("NFS", "xen pool", "xen files, mover", "zone", "via-cache: then on xen"),
    Row("NFS", "xen pool", "xen nfs, mover", "zone", "direct on xen"),
    Row("NFS mount", "xen pool", "xen files, mover", "zone", "direct on xen"),
    Row("S3", "xen pool", "xen web, mover", "zone", "direct on xen"),
    Row("xen pool", "NFS mount", "xen files", "zone", "direct on xen"),
    Row("xen pool", "NFS", "xen nfs", "zone", "direct on xen"),
    Row("xen pool", "S3", "xen files, mover", "zone", "via-cache: first on xen"),
    Row("S3", "xen pool", "xen files, mover", "", "refused"),
    Row("S3", "xen pool", "xen files, mover", "zone 2", "refused"),
    Row("S3", "xen pool", "xen files", "zone", "refused"),
    Row("URL", "xen pool", "xen files, mover", "zone", "refused"),
    # where no cache is there yet, a fleet's transport VM comes; it serves NFS
    Row("S3", "xen pool", "xen nfs, mover", "fleet", "via-cache: then on xen"),
    Row("S3", "xen pool", "xen nfs, mover", "fleet cluster", "refused"),
    Row("S3", "xen pool", "xen nfs, kvm", "fleet cluster", "via-cache: then on xen"),
    Row("S3", "xen pool", "xen files, mover", "fleet", "refused"),
    Row("S3", "xen pool", "xen nfs, mover", "fleet 2", "refused"),
    Row("S3", "xen pool", "xen nfs, mover", "fleet closed", "refused"),
    Row("S3", "xen pool", "xen nfs, mover", "fleet leaving", "refused"),
    Row("S3", "xen pool", "xen nfs, mover blind", "fleet", "refused"),
    Row("xen pool", "S3", "xen nfs, mover", "fleet", "via-cache: first on xen"),
    Row("S3", "kvm pool", "kvm", "fleet", "direct on kvm"),
    # never: only what one hop does
    Row("S3", "xen pool", "xen files, mover", "zone", "refused", COPY, NEVER),
    Row("S3", "xen pool", "xen nfs, mover", "fleet", "refused", COPY, NEVER),
    Row("NFS", "xen pool", "xen nfs, mover", "zone", "direct on xen", COPY, NEVER),
    Row("S3", "kvm pool", "kvm", "zone", "direct on kvm", COPY, NEVER),
    Row("S3", "cached", "mover", "zone", "refused", COPY, NEVER),
    # always: copies from image stores to hosts, if a cache can lie between
    Row("S3", "kvm pool", "kvm", "zone", "via-cache: then on kvm", COPY, ALWAYS),
    Row("S3", "kvm pool", "kvm", "fleet", "via-cache: then on kvm", COPY, ALWAYS),
    Row("NFS", "xen pool", "xen nfs, mover", "zone", "via-cache: then on xen", COPY, ALWAYS),
    Row("S3", "xen pool", "xen files, mover", "zone", "via-cache: then on xen", COPY, ALWAYS),
    Row("S3", "kvm pool", "kvm", "", "direct on kvm", COPY, ALWAYS),
    Row("S3", "kvm pool", "kvm", "zone 2", "direct on kvm", COPY, ALWAYS),
    Row("S3", "kvm pool", "kvm", "fleet closed", "direct on kvm", COPY, ALWAYS),
    Row("kvm pool", "S3", "kvm", "zone", "direct on kvm", COPY, ALWAYS),
    Row("S3", "Swift", "kvm", "zone", "direct", COPY, ALWAYS),
    Row("S3", "S3 b", "mover", "zone", "store-native: clone", COPY, ALWAYS),
    Row("URL", "kvm pool", "kvm", "zone", "direct on kvm", COPY, ALWAYS),
    Row("kvm pool", "kvm pool b", "kvm", "zone", "direct on kvm", COPY, ALWAYS),
    Row("kvm pool", "kvm pool", "kvm", "zone", "store-native: clone on kvm", CLONE, ALWAYS),
    # a prefetch ends on a cache
    Row("S3", "cached", "mover", "zone", "via-cache: fill"),
    Row("S3", "cached", "mover", "fleet", "via-cache: fill"),
    Row("S3", "cached", "mover", "zone", "via-cache: fill", COPY, ALWAYS),
    Row("kvm pool", "cached", "kvm", "zone", "via-cache: fill first on kvm"),
    Row("S3", "cached", "mover", "zone 2", "refused"),
    Row("S3", "cached", "mover", "cluster", "refused"),
    Row("S3", "cached", "xen files", "zone", "refused"),
    Row("URL", "cached", "mover", "zone", "refused"),
    # primary to primary: the hypervisor, else an agent that sees both, else a cache
    Row("kvm pool", "kvm pool b", "kvm moves", "", "hypervisor-native: native on kvm"),
    Row("kvm pool", "kvm pool b", "kvm", "zone", "direct on kvm"),
    Row("kvm pool", "kvm2 pool", "kvm, kvm2", "zone", "via-cache: first on kvm then on kvm2"),
    Row("kvm pool", "kvm2 pool", "kvm moves, kvm2", "", "refused"),
    Row("kvm shared", "kvm shared b", "kvm, kvm2", "zone", "direct"),
    Row("kvm shared", "kvm shared b", "kvm moves, kvm2", "", "hypervisor-native: native on kvm"),
    Row("kvm shared", "kvm pool", "kvm, kvm2", "", "direct on kvm"),
    Row("kvm pool raw", "kvm pool b", "kvm moves", "", "refused"),
    Row("vmware pool", "vmware pool b", "vmware moves", "", "hypervisor-native: native on vmware"),
    Row(
        "vmware shared",
        "vmware shared b",
        "vmware2 moves, vmware",
        "",
        "hypervisor-native: native on vmware2",
    ),
    Row("xen pool", "xen pool b", "xen moves", "zone", "hypervisor-native: native on xen"),
    Row("xen pool", "xen pool b", "xen files", "zone", "direct on xen"),
    Row("kvm pool", "xen pool", "kvm, xen files", "zone", "via-cache: first on kvm then on xen"),
    Row("kvm pool", "vmware pool", "kvm moves, vmware moves", "", "refused"),
    # templates installed on the pool that has their base
    Row("kvm pool", "kvm pool", "kvm", "", "store-native: clone on kvm", CLONE),
    Row("kvm pool", "kvm pool", "kvm moves", "", "store-native: backing on kvm", BACKING),
    Row("kvm shared", "kvm shared", "kvm, kvm2", "", "store-native: backing", BACKING),
    Row("kvm pool", "kvm pool b", "kvm", "zone", "refused", CLONE),
    Row("kvm pool", "kvm pool", "kvm2", "zone", "refused", CLONE),
    Row("S3", "kvm pool", "kvm", "", "refused", BACKING),
]


@pytest.mark.parametrize("row", TABLE, ids=lambda row: " | ".join(map(str, row)))
def test_every_copy_goes_as_the_table_says(row: Row) -> None:
    decision = decided(row)
    assert told(decision) == row.plan, [(a.strategy, a.reason) for a in decision.answers]
    assert len(decision.answers) == len(BUILT_IN)
    assert all(answer.reason for answer in decision.answers)
    assert (decision.problem is None) == (row.plan != "refused")
    if decision.problem is not None:
        assert decision.problem.hint


@pytest.mark.parametrize("row", TABLE, ids=lambda row: " | ".join(map(str, row)))
def test_the_order_of_what_there_is_changes_no_plan(row: Row) -> None:
    turned = row._replace(
        agents=", ".join(reversed(_split(row.agents))), caches=", ".join(_split(row.caches)[::-1])
    )
    assert told(decided(turned)) == row.plan


def test_every_role_provider_and_hypervisor_is_in_the_table() -> None:
    used = [ENDS[name] for row in TABLE for name in (row.source, row.destination)]
    assert {end.role for end in used} >= {StoreRole.IMAGE, StoreRole.PRIMARY}
    assert {end.provider for end in used} >= {"S3", "Swift", "NFS", "directory"}
    kinds = {end.hypervisor for end in used if end.hypervisor}
    assert kinds == set(HypervisorKind) - {HypervisorKind.NONE}
    assert {name for row in TABLE for name in _split(row.agents)} == set(AGENTS)
    assert {name for row in TABLE for name in (row.source, row.destination)} == set(ENDS)
    assert {name for row in TABLE for name in _split(row.caches)} == {*CACHES, *FLEETS}
    assert {row.use for row in TABLE} == set(CacheUse)


def test_reasons_name_the_policy_and_the_fleet() -> None:
    def reason(row: Row) -> str:
        return next(a.reason for a in decided(row).answers if a.strategy == "via-cache")

    never = Row("S3", "xen pool", "xen files, mover", "zone", "", COPY, NEVER)
    assert reason(never) == "the policy of zone z1 never uses caches"
    always = Row("S3", "kvm pool", "kvm", "zone", "", COPY, ALWAYS)
    assert reason(always).endswith("but the policy of zone z1 wants caches always")
    assert "which holds for copies from image stores to hosts" in reason(
        Row("S3", "Swift", "kvm", "zone", "", COPY, ALWAYS)
    )
    comes = Row("S3", "xen pool", "xen nfs, mover", "fleet", "")
    assert "fills a transport VM of fleet fleet" in reason(comes)
    problem = decided(never).problem
    assert problem is not None
    assert "another use of caches by the policy of zone z1" in problem.hint


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
        agents=tuple(AGENTS[name] for name in _split(row.agents)),
        caches=tuple(CACHES[name] for name in _split(row.caches) if name in CACHES),
        fleets=tuple(FLEETS[name] for name in _split(row.caches) if name in FLEETS),
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


def _split(names: str) -> list[str]:
    return [name for name in names.split(", ") if name]
