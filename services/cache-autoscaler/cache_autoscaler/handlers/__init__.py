"""One plain function a message; these tables are all that is heard."""

from collections.abc import Mapping

from stowage_contracts.message import Message
from stowage_contracts.messages.cache_autoscaler import (
    EvictEntry,
    ExplainFleet,
    HoldEntry,
    ListDecisions,
    ListEntries,
    RemoveCacheFleet,
    ReportCacheLoad,
    ReserveCache,
    SetCacheFleet,
    SimulateFleet,
)
from stowage_contracts.messages.data_motion import (
    CommitHop,
    CopyCancelled,
    CopyCompleted,
    CopyFailed,
    CopyProgressed,
)
from stowage_contracts.messages.hypervisor_agent import (
    CacheLoadReported,
    TransportVmReported,
    TransportVmsSeen,
)
from stowage_contracts.messages.image_store import (
    AddStore,
    HostChanged,
    ProbeStore,
    RedeemGrant,
    ReleaseGrants,
    RemoveStore,
    StoreDemoted,
)
from stowage_runtime.service import Handler, RequestHandler

from cache_autoscaler.deps import Deps
from cache_autoscaler.handlers.copies import (
    on_copy_cancelled,
    on_copy_completed,
    on_copy_failed,
    on_copy_progressed,
)
from cache_autoscaler.handlers.entries import on_evict_entry, on_hold_entry
from cache_autoscaler.handlers.explaining import on_explain_fleet
from cache_autoscaler.handlers.fleets import on_remove_cache_fleet, on_set_cache_fleet
from cache_autoscaler.handlers.grants import on_commit_hop, on_redeem_grant, on_release_grants
from cache_autoscaler.handlers.hosts import on_host_changed
from cache_autoscaler.handlers.listing import on_list_decisions, on_list_entries
from cache_autoscaler.handlers.load import on_cache_load_reported, on_report_cache_load
from cache_autoscaler.handlers.reserving import on_reserve_cache
from cache_autoscaler.handlers.simulating import on_simulate_fleet
from cache_autoscaler.handlers.stores import (
    on_add_store,
    on_probe_store,
    on_remove_store,
    on_store_demoted,
)
from cache_autoscaler.handlers.vms import on_transport_vm_reported, on_transport_vms_seen

HANDLERS: Mapping[type[Message], Handler[Deps]] = {
    AddStore: on_add_store,
    ProbeStore: on_probe_store,
    RemoveStore: on_remove_store,
    HostChanged: on_host_changed,
    CommitHop: on_commit_hop,
    ReleaseGrants: on_release_grants,
    CopyCompleted: on_copy_completed,
    CopyFailed: on_copy_failed,
    CopyCancelled: on_copy_cancelled,
    ReportCacheLoad: on_report_cache_load,
    SetCacheFleet: on_set_cache_fleet,
    RemoveCacheFleet: on_remove_cache_fleet,
    TransportVmReported: on_transport_vm_reported,
    HoldEntry: on_hold_entry,
    EvictEntry: on_evict_entry,
    StoreDemoted: on_store_demoted,
}
REQUESTS: Mapping[type[Message], RequestHandler[Deps]] = {
    ReserveCache: on_reserve_cache,
    RedeemGrant: on_redeem_grant,
    ListEntries: on_list_entries,
    ListDecisions: on_list_decisions,
    ExplainFleet: on_explain_fleet,
    SimulateFleet: on_simulate_fleet,
}
SIGNALS: Mapping[type[Message], Handler[Deps]] = {
    CopyProgressed: on_copy_progressed,
    CacheLoadReported: on_cache_load_reported,
    TransportVmsSeen: on_transport_vms_seen,
}
