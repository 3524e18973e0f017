"""What strategies ask of a copy's two ends."""

from stowage_contracts.messages.image_store import CopyRequested
from stowage_contracts.plugins.data_motion_strategy import Answer, MotionAsk, Priority
from stowage_contracts.values import CopyEnd, HopMethod, Id, ScopeType, StoreRole


def only_host(ask: MotionAsk) -> Id | None:
    """The host one of the ends is local to."""
    return host_of(ask.request.destination) or host_of(ask.request.source)


def host_of(end: CopyEnd) -> Id | None:
    """The one host that sees an end, where it is local to one."""
    return end.scope.id if end.scope.type is ScopeType.HOST else None


def between_pools(request: CopyRequested) -> bool:
    """Whether both ends are primary pools."""
    roles = {request.source.role, request.destination.role}
    return roles == {StoreRole.PRIMARY}


def prefetched(request: CopyRequested) -> bool:
    """Whether it only brings an object onto whichever cache store of a scope is chosen."""
    end = request.destination
    return end.role is StoreRole.IMAGE_CACHE and end.store_id is None


def is_install(request: CopyRequested) -> str:
    """Why its bytes may not be carried: its pool is to make it of a base; '' when they may."""
    if request.method is HopMethod.COPY:
        return ""
    return f"it is to be made as a {request.method} on its pool, not copied"


def no(reason: str, missing: str = "") -> Answer:
    """It can't handle it."""
    return Answer(priority=Priority.CANT_HANDLE, reason=reason, missing=missing)
