"""What cache-autoscaler says in these tests."""

from collections.abc import Callable, Mapping
from typing import Any

from stowage_contracts.caching import (
    CacheFleetView,
    Decision,
    EntryView,
    FleetStep,
    StrategySays,
    TransportVmView,
    VmState,
)
from stowage_contracts.message import Message
from stowage_contracts.messages.cache_autoscaler import (
    CacheFleetChanged,
    DecisionsListed,
    EntriesListed,
    ExplainFleet,
    FleetExplained,
    FleetSimulated,
    ListDecisions,
    ListEntries,
    SimulateFleet,
    TransportVmChanged,
)
from stowage_contracts.values import ObjectRef, Scope
from stowage_contracts.views import DesiredCount

from tests.unit.api_gateway import words

REASON = "12.0 GiB queued, 100.0 MB/s a VM: 2 VMs within 600 s"
DIGEST = "sha256-tree-4m:" + "ab" * 32


def fleet(id: str = "f1", **changes: Any) -> CacheFleetChanged:
    fields = {"name": "fleet", "scope": Scope.zone("z1"), "maximum": 3, **changes}
    return CacheFleetChanged(state=CacheFleetView(id=id, **fields))


def vm(id: str = "v1", **changes: Any) -> TransportVmChanged:
    fields = {
        "fleet_id": "f1",
        "host_id": "h1",
        "state": VmState.STARTING,
        "reason": REASON,
        "ordered": words.CREATED,
        **changes,
    }
    return TransportVmChanged(state=TransportVmView(id=id, **fields))


def entry(id: str = "e1", **changes: Any) -> EntryView:
    fields = {
        "store_id": "cache1",
        "object": ObjectRef(**words.TEMPLATE_OBJECT),
        "digest": DIGEST,
        "format": "vhd",
        "size": 3 << 20,
        "state": "ready",
        "hits": 7,
        "last_used": words.CREATED,
        "created": words.CREATED,
        **changes,
    }
    return EntryView(id=id, **fields)


def decision(**changes: Any) -> Decision:
    fields = {"kind": "spawn", "subject": "cache_fleet/f1", "reason": REASON, **changes}
    return Decision(at=words.CREATED, **fields)


def explained(question: Any) -> FleetExplained:
    wanted = DesiredCount(count=2, reason=REASON, strategy="backlog")
    return FleetExplained(
        fleet_id=question.fleet_id,
        answers=(
            StrategySays(strategy="backlog", desired=wanted),
            StrategySays(strategy="acme", error="ValueError: no"),
        ),
        doing="waits for v1 to serve",
        decisions=(decision(),),
    )


def simulated(question: Any) -> FleetSimulated:
    step = FleetStep(
        seconds=60, members=2, offered=1, desired=2, backlog_bytes=5 << 30, reason=REASON
    )
    return FleetSimulated(
        fleet_id=question.fleet.id,
        steps=(step,),
        p95_wait_seconds=61.5,
        vm_hours=3.25,
        flaps=0,
        most=2,
    )


def entries_listed(question: Any) -> EntriesListed:
    """Two pages; of entries asked for by their id, the first alone."""
    if question.entry_id is not None:
        return EntriesListed(entries=(entry("e1"),) if question.entry_id == "e1" else ())
    if question.after is None:
        return EntriesListed(entries=(entry("e1"),), next="e1")
    return EntriesListed(entries=(entry("e2", pinned_by=("c1",)),))


def decisions_listed(question: Any) -> DecisionsListed:
    return DecisionsListed(decisions=(decision(subject=question.subject_of or "store/s1"),))


ANSWERS: Mapping[type[Message], Callable[[Message], Message]] = {
    ExplainFleet: explained,
    SimulateFleet: simulated,
    ListEntries: entries_listed,
    ListDecisions: decisions_listed,
}
"""What cache-autoscaler says when it is asked."""
