"""What an agent hears and says; its own words are reports and signals."""

from stowage_contracts.messages.hypervisor_agent.hops import (
    CancelHop,
    ExecuteHop,
    HopFinished,
    HopProgressed,
    HopYielded,
    Peer,
    SteerHop,
)
from stowage_contracts.messages.hypervisor_agent.hosts import (
    CacheLoadReported,
    Heartbeat,
    HostJoined,
    ListHops,
)
from stowage_contracts.messages.hypervisor_agent.objects import (
    InspectObject,
    ObjectInspected,
    ObjectRemoved,
    RemoveObject,
)
from stowage_contracts.messages.hypervisor_agent.tickets import HopTicket, LinkTicket, PeerTicket
from stowage_contracts.messages.hypervisor_agent.vms import (
    DestroyTransportVm,
    ResizeTransportVm,
    SpawnTransportVm,
    TransportVmReported,
    TransportVmsSeen,
)

__all__ = [
    "CacheLoadReported",
    "CancelHop",
    "DestroyTransportVm",
    "ExecuteHop",
    "Heartbeat",
    "HopFinished",
    "HopProgressed",
    "HopTicket",
    "HopYielded",
    "HostJoined",
    "InspectObject",
    "LinkTicket",
    "ListHops",
    "ObjectInspected",
    "ObjectRemoved",
    "Peer",
    "PeerTicket",
    "RemoveObject",
    "ResizeTransportVm",
    "SpawnTransportVm",
    "SteerHop",
    "TransportVmReported",
    "TransportVmsSeen",
]
