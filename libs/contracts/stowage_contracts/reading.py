"""Who hears what. Every service's ``migrate`` declares all of it, so they start in any order."""

from collections.abc import Mapping

from stowage_contracts.message import Kind, Message
from stowage_contracts.messages import MESSAGES
from stowage_contracts.values import ServiceName

_DURABLE = {
    ServiceName.IMAGE_STORE: (
        "AddZone AddPod AddCluster AddHost AddStore ProbeStore ChangeStore EvacuateStore "
        "StopEvacuation ScanStore CleanStore AdoptStore RemoveStore RegisterTemplate "
        "RegisterVolume RegisterSnapshot DeleteTemplate DeleteVolume DeleteSnapshot ChangeObject "
        "CopyToZone LeaveZone DeleteReplica VerifyReplica FinishUpload RevokeLink SetPlacementRule "
        "MakeTemplate "
        "RemovePlacementRule RequestCopy CommitHop ReleaseGrants CopyCompleted CopyFailed "
        "CopyCancelled HostJoined HostDraining ObjectInspected ObjectRemoved MoveVolume CloneHop "
        "PrefetchObject DemoteStore ImportObject SetAccountLimit MoveReplicas"
    ),
    ServiceName.DATA_MOTION: (
        "CancelCopy PauseCopy ResumeCopy ChangeCopy RerouteCopy DrainHost HopYielded "
        "SetMotionPolicy RemoveMotionPolicy "
        "CopyRequested HopCommitted HopCommitFailed HopFinished HostJoined StoreAdded "
        "StoreChanged StoreDegraded StoreRemoved CacheAdded CacheChanged CacheDraining "
        "CacheRemoved CacheFleetChanged CacheFleetRemoved"
    ),
    ServiceName.CACHE_AUTOSCALER: (
        "AddStore ProbeStore RemoveStore CommitHop ReleaseGrants ReportCacheLoad HostChanged "
        "CopyCompleted CopyFailed CopyCancelled SetCacheFleet RemoveCacheFleet TransportVmReported "
        "HoldEntry EvictEntry StoreDemoted"
    ),
}
_REQUESTS = {
    ServiceName.IMAGE_STORE: (
        "RedeemGrant PlanEvacuation ListFindings MakeLink OpenUpload TakeUpload ExplainPlacement "
        "KeepLeaves GetLeaves CountAccountBytes PlanMoves ListStoreObjects"
    ),
    ServiceName.DATA_MOTION: "ExplainCopy",
    ServiceName.CACHE_AUTOSCALER: (
        "RedeemGrant ReserveCache ListEntries ListDecisions ExplainFleet SimulateFleet"
    ),
}
_SIGNALS = {
    ServiceName.IMAGE_STORE: "Heartbeat",
    ServiceName.DATA_MOTION: "Heartbeat HopProgressed",
    ServiceName.CACHE_AUTOSCALER: "CopyProgressed CacheLoadReported TransportVmsSeen",
    ServiceName.API_GATEWAY: "CopyProgressed",
}


def _named(table: Mapping[ServiceName, str]) -> dict[ServiceName, tuple[type[Message], ...]]:
    return {reader: tuple(MESSAGES[n] for n in names.split()) for reader, names in table.items()}


_EVENTS = tuple(message for message in MESSAGES.values() if message.kind is Kind.EVENT)
DURABLE = {**_named(_DURABLE), ServiceName.API_GATEWAY: _EVENTS}
"""Commands, events and reports by service; the gateway projects every event."""
REQUESTS = _named(_REQUESTS)
SIGNALS = _named(_SIGNALS)
MANDATORY = frozenset(message.__name__ for heard in DURABLE.values() for message in heard)
"""Messages with a built-in reader: kept by their sender until its queue is there."""
