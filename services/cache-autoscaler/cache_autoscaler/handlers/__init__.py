"""One plain function a message; these tables are all that is heard."""

from collections.abc import Mapping

from stowage_contracts.message import Message
from stowage_contracts.messages.cache_autoscaler import ReportCacheLoad, ReserveCache
from stowage_contracts.messages.data_motion import (
    CommitHop,
    CopyCancelled,
    CopyCompleted,
    CopyFailed,
    CopyProgressed,
)
from stowage_contracts.messages.hypervisor_agent import CacheLoadReported
from stowage_contracts.messages.image_store import (
    AddStore,
    HostChanged,
    ProbeStore,
    RedeemGrant,
    ReleaseGrants,
    RemoveStore,
)
from stowage_runtime.service import Handler, RequestHandler

from cache_autoscaler.deps import Deps
from cache_autoscaler.handlers.copies import (
    on_copy_cancelled,
    on_copy_completed,
    on_copy_failed,
    on_copy_progressed,
)
from cache_autoscaler.handlers.grants import on_commit_hop, on_redeem_grant, on_release_grants
from cache_autoscaler.handlers.load import on_cache_load_reported, on_report_cache_load
from cache_autoscaler.handlers.reserving import on_reserve_cache
from cache_autoscaler.handlers.stores import (
    on_add_store,
    on_host_changed,
    on_probe_store,
    on_remove_store,
)

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
}
REQUESTS: Mapping[type[Message], RequestHandler[Deps]] = {
    ReserveCache: on_reserve_cache,
    RedeemGrant: on_redeem_grant,
}
SIGNALS: Mapping[type[Message], Handler[Deps]] = {
    CopyProgressed: on_copy_progressed,
    CacheLoadReported: on_cache_load_reported,
}
