"""What fleets of transport VMs count, beside what caches count."""

from collections import Counter
from collections.abc import Iterable

from asyncpg import Record
from opentelemetry import metrics
from stowage_contracts.caching import VmState

_meter = metrics.get_meter("stowage")
SPAWNS = _meter.create_counter(
    "stowage_transport_vm_spawns",
    description="Transport VMs by fleet and outcome: ordered, offered, failed.",
)
HALTS = _meter.create_counter(
    "stowage_cache_fleet_halts", description="Times a fleet spawned nothing for a while."
)
SPAWN_SECONDS = _meter.create_histogram(
    "stowage_transport_vm_spawn", unit="s", description="From the order of a VM until it served."
)
VMS = _meter.create_gauge(
    "stowage_transport_vms", description="Transport VMs not proven gone, by fleet and state."
)
DESIRED = _meter.create_gauge(
    "stowage_cache_fleet_desired", description="Transport VMs a fleet's strategy wants."
)
BACKLOG = _meter.create_gauge(
    "stowage_cache_fleet_backlog", unit="By", description="Bytes that wait for a fleet."
)
SILENT = _meter.create_gauge(
    "stowage_transport_vms_silent", description="Transport VMs whose host tells nothing, by fleet."
)
_STATES = tuple(state for state in VmState if state is not VmState.GONE)


def spawned(fleet: str, outcome: str) -> None:
    """A VM was ordered, offered, or came to nothing."""
    SPAWNS.add(1, {"fleet": fleet, "outcome": outcome})


def offered(fleet: str, seconds: float) -> None:
    """A VM serves so long after its order."""
    spawned(fleet, "offered")
    SPAWN_SECONDS.record(seconds, {"fleet": fleet})


def stand(fleet: str, vms: Iterable[Record]) -> None:
    """How a fleet's VMs stand; states without any are told as none."""
    rows = list(vms)
    found = Counter(row["state"] for row in rows)
    for state in _STATES:
        VMS.set(found[state], {"fleet": fleet, "state": state})
    SILENT.set(sum(row["silent_since"] is not None for row in rows), {"fleet": fleet})


def wanted(fleet: str, count: int, backlog: int) -> None:
    """What its strategy wants, and what waits for it."""
    DESIRED.set(count, {"fleet": fleet})
    BACKLOG.set(backlog, {"fleet": fleet})
