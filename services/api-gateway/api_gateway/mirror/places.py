"""Zones, pods, clusters and hosts that CloudStack has and the catalogue has not; pure."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from pydantic import ValidationError
from stowage_contracts.values import HypervisorKind

from api_gateway.mirror.facts import Place
from api_gateway.mirror.steps import Create, Outcome
from api_gateway.routes.hosts import NewHost
from api_gateway.routes.places import NewCluster, NewPod, NewZone

KINDS = ("zone", "pod", "cluster", "host")
"""In the order in which they stand on each other."""
_HYPERVISORS = {
    kind.value.lower(): kind for kind in HypervisorKind if kind is not HypervisorKind.NONE
}


@dataclass(frozen=True)
class Found:
    """One place and what is to be done about it."""

    kind: str
    row: Place
    outcome: Outcome
    step: Create | None = None


def compare_places(
    told: Mapping[str, Collection[Place]], known: Mapping[str, Collection[str]]
) -> list[Found]:
    """Every place in order; a child of a place that is neither known nor made waits for it."""
    there = {kind: set(known.get(kind, ())) for kind in KINDS}
    found = []
    for kind in KINDS:
        for row in told.get(kind, ()):
            each = _judged(kind, row, there)
            if each.step is not None:
                there[kind].add(row.id)
            found.append(each)
    return found


def _judged(kind: str, row: Place, there: Mapping[str, set[str]]) -> Found:
    if row.id in there[kind]:
        return Found(kind, row, Outcome(word="known"))
    above = {"pod": ("zone", row.zoneid), "cluster": ("pod", row.podid)}
    parent, parent_id = above.get(kind, ("cluster", row.clusterid))
    if kind != "zone" and parent_id not in there[parent]:
        return Found(kind, row, Outcome(word="unfit", why=f"its {parent} is not here"))
    try:
        body = _body(kind, row)
    except (KeyError, ValidationError):
        why = f"hypervisor {row.hypervisor or 'unknown'} is not served"
        return Found(kind, row, Outcome(word="unfit", why=why))
    return Found(kind, row, Outcome(word="added"), Create(body))


def _body(kind: str, row: Place) -> NewZone | NewPod | NewCluster | NewHost:
    if kind == "zone":
        return NewZone(id=row.id, name=row.name)
    if kind == "pod":
        return NewPod(id=row.id, name=row.name, zone_id=row.zoneid or "")
    hypervisor = _HYPERVISORS[row.hypervisor.lower()]
    if kind == "cluster":
        return NewCluster(id=row.id, name=row.name, pod_id=row.podid or "", hypervisor=hypervisor)
    return NewHost(id=row.id, name=row.name, hypervisor=hypervisor, cluster_id=row.clusterid)
