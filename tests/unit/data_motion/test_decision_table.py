"""Which way every copy goes: by its ends, the hypervisor, and what agents declare of themselves.

Read a row as: from, to, the agents there are, the caches there are -> the plan.
"""

import pytest
from stowage_contracts.values import CacheUse, HopMethod, HypervisorKind, StoreRole

from tests.unit.data_motion.decision_table import (
    AGENTS,
    BUILT_IN,
    CACHES,
    ENDS,
    FLEETS,
    Row,
    decided,
    split,
    told,
)

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
        agents=", ".join(reversed(split(row.agents))), caches=", ".join(split(row.caches)[::-1])
    )
    assert told(decided(turned)) == row.plan


def test_every_role_provider_and_hypervisor_is_in_the_table() -> None:
    used = [ENDS[name] for row in TABLE for name in (row.source, row.destination)]
    assert {end.role for end in used} >= {StoreRole.IMAGE, StoreRole.PRIMARY}
    assert {end.provider for end in used} >= {"S3", "Swift", "NFS", "directory"}
    kinds = {end.hypervisor for end in used if end.hypervisor}
    assert kinds == set(HypervisorKind) - {HypervisorKind.NONE}
    assert {name for row in TABLE for name in split(row.agents)} == set(AGENTS)
    assert {name for row in TABLE for name in (row.source, row.destination)} == set(ENDS)
    assert {name for row in TABLE for name in split(row.caches)} == {*CACHES, *FLEETS}
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
