"""Zones, pods, clusters and hosts."""

from stowage_contracts.messages.image_store.words import Command, StateEvent
from stowage_contracts.values import HypervisorKind, Id, Name
from stowage_contracts.views import ClusterView, HostView, PodView, ZoneView


class AddZone(Command, subject="zone/{zone_id}"):
    """Create a zone."""

    zone_id: Id
    name: Name


class AddPod(Command, subject="pod/{pod_id}"):
    """Create a pod in a zone."""

    pod_id: Id
    zone_id: Id
    name: Name


class AddCluster(Command, subject="cluster/{cluster_id}"):
    """Create a cluster in a pod."""

    cluster_id: Id
    pod_id: Id
    name: Name
    hypervisor: HypervisorKind


class AddHost(Command, subject="host/{host_id}"):
    """Announce a host whose agent will enrol with a one-time join token."""

    host_id: Id
    name: Name
    hypervisor: HypervisorKind
    cluster_id: Id | None = None
    zone_id: Id | None = None
    """For a plain mover, which stands in no cluster."""


class ZoneAdded(StateEvent, subject="zone/{state.id}"):
    """A zone exists."""

    state: ZoneView


class PodAdded(StateEvent, subject="pod/{state.id}"):
    """A pod exists."""

    state: PodView


class ClusterAdded(StateEvent, subject="cluster/{state.id}"):
    """A cluster exists."""

    state: ClusterView


class HostChanged(StateEvent, subject="host/{state.id}"):
    """A host was added, came up, changed or went away."""

    state: HostView
