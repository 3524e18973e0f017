"""One plain function a message; these tables are all that is heard."""

from collections.abc import Mapping

from stowage_contracts.message import Message
from stowage_contracts.messages.data_motion import (
    CloneHop,
    CommitHop,
    CopyCancelled,
    CopyCompleted,
    CopyFailed,
    HostDraining,
)
from stowage_contracts.messages.hypervisor_agent import (
    Heartbeat,
    HostJoined,
    ObjectInspected,
    ObjectRemoved,
)
from stowage_contracts.messages.image_store import (
    AddCluster,
    AddHost,
    AddPod,
    AddStore,
    AddZone,
    AdoptStore,
    ChangeObject,
    ChangeStore,
    CleanStore,
    CopyToZone,
    CountAccountBytes,
    DeleteReplica,
    DeleteSnapshot,
    DeleteTemplate,
    DeleteVolume,
    DemoteStore,
    EvacuateStore,
    ExplainPlacement,
    FinishUpload,
    GetLeaves,
    ImportObject,
    KeepLeaves,
    LeaveZone,
    ListFindings,
    ListStoreObjects,
    MakeLink,
    MakeTemplate,
    MoveReplicas,
    MoveVolume,
    OpenUpload,
    PlanEvacuation,
    PlanMoves,
    PrefetchObject,
    ProbeStore,
    RedeemGrant,
    RegisterSnapshot,
    RegisterTemplate,
    RegisterVolume,
    ReleaseGrants,
    RemovePlacementRule,
    RemoveStore,
    RequestCopy,
    RevokeLink,
    ScanStore,
    SetAccountLimit,
    SetPlacementRule,
    StopEvacuation,
    TakeUpload,
    VerifyReplica,
)
from stowage_runtime.service import Handler, RequestHandler

from image_store.deps import Deps
from image_store.handlers.accounts import on_count_account_bytes, on_set_account_limit
from image_store.handlers.browsing import on_list_store_objects
from image_store.handlers.cloning import on_clone_hop
from image_store.handlers.copies import (
    on_copy_cancelled,
    on_copy_completed,
    on_copy_failed,
    on_request_copy,
)
from image_store.handlers.deleting import on_delete
from image_store.handlers.demoting import on_demote_store
from image_store.handlers.draining import on_host_draining
from image_store.handlers.grants import on_commit_hop, on_redeem_grant, on_release_grants
from image_store.handlers.importing import on_import_object
from image_store.handlers.leaves import on_get_leaves, on_keep_leaves
from image_store.handlers.leaving import on_leave_zone
from image_store.handlers.links import on_make_link, on_revoke_link
from image_store.handlers.making import on_make_template
from image_store.handlers.moving import on_move_volume
from image_store.handlers.placement import (
    on_explain_placement,
    on_remove_placement_rule,
    on_set_placement_rule,
)
from image_store.handlers.places import (
    on_add_cluster,
    on_add_host,
    on_add_pod,
    on_add_zone,
    on_heartbeat,
    on_host_joined,
)
from image_store.handlers.prefetching import on_prefetch_object
from image_store.handlers.registering import on_register
from image_store.handlers.stores import (
    on_add_store,
    on_change_store,
    on_probe_store,
    on_remove_store,
)
from image_store.handlers.upkeep import (
    on_adopt_store,
    on_clean_store,
    on_list_findings,
    on_scan_store,
)
from image_store.handlers.uploads import on_finish_upload, on_open_upload, on_take_upload
from image_store.handlers.wishes import (
    on_change_object,
    on_copy_to_zone,
    on_delete_replica,
    on_verify_replica,
)
from image_store.judging.verdicts import on_object_inspected
from image_store.keeping.evacuating import on_evacuate_store, on_plan_evacuation, on_stop_evacuation
from image_store.keeping.relocating import on_move_replicas, on_plan_moves
from image_store.keeping.removals import on_object_removed

HANDLERS: Mapping[type[Message], Handler[Deps]] = {
    AddZone: on_add_zone,
    AddPod: on_add_pod,
    AddCluster: on_add_cluster,
    AddHost: on_add_host,
    HostJoined: on_host_joined,
    HostDraining: on_host_draining,
    AddStore: on_add_store,
    ProbeStore: on_probe_store,
    RemoveStore: on_remove_store,
    ChangeStore: on_change_store,
    ScanStore: on_scan_store,
    CleanStore: on_clean_store,
    AdoptStore: on_adopt_store,
    DemoteStore: on_demote_store,
    SetPlacementRule: on_set_placement_rule,
    RemovePlacementRule: on_remove_placement_rule,
    SetAccountLimit: on_set_account_limit,
    RegisterTemplate: on_register,
    RegisterVolume: on_register,
    RegisterSnapshot: on_register,
    ImportObject: on_import_object,
    MakeTemplate: on_make_template,
    DeleteTemplate: on_delete,
    DeleteVolume: on_delete,
    DeleteSnapshot: on_delete,
    ChangeObject: on_change_object,
    CopyToZone: on_copy_to_zone,
    LeaveZone: on_leave_zone,
    DeleteReplica: on_delete_replica,
    VerifyReplica: on_verify_replica,
    EvacuateStore: on_evacuate_store,
    StopEvacuation: on_stop_evacuation,
    MoveReplicas: on_move_replicas,
    FinishUpload: on_finish_upload,
    RevokeLink: on_revoke_link,
    RequestCopy: on_request_copy,
    MoveVolume: on_move_volume,
    PrefetchObject: on_prefetch_object,
    CopyCompleted: on_copy_completed,
    CopyFailed: on_copy_failed,
    CopyCancelled: on_copy_cancelled,
    CommitHop: on_commit_hop,
    CloneHop: on_clone_hop,
    ReleaseGrants: on_release_grants,
    ObjectInspected: on_object_inspected,
    ObjectRemoved: on_object_removed,
}
REQUESTS: Mapping[type[Message], RequestHandler[Deps]] = {
    RedeemGrant: on_redeem_grant,
    KeepLeaves: on_keep_leaves,
    GetLeaves: on_get_leaves,
    MakeLink: on_make_link,
    OpenUpload: on_open_upload,
    TakeUpload: on_take_upload,
    PlanEvacuation: on_plan_evacuation,
    PlanMoves: on_plan_moves,
    ListFindings: on_list_findings,
    ListStoreObjects: on_list_store_objects,
    ExplainPlacement: on_explain_placement,
    CountAccountBytes: on_count_account_bytes,
}
SIGNALS: Mapping[type[Message], Handler[Deps]] = {Heartbeat: on_heartbeat}
