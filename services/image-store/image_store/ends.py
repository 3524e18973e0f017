"""Replicas and URLs as ends of a copy."""

from asyncpg import Record
from stowage_contracts.plugins.image_store_driver import DriverAbilities
from stowage_contracts.values import CopyEnd, EndKind, GrantRef, HypervisorKind, ServiceName

from image_store.store import object_of, reference, scope_of


def image_end(ref: Record, store: Record, grant_id: str) -> CopyEnd:
    """A replica on an image store as one end of a copy."""
    can = DriverAbilities.model_validate(store["abilities"])
    return CopyEnd(
        object=object_of(ref),
        role=store["role"],
        provider=store["provider"],
        store_id=store["id"],
        scope=scope_of(store),
        schemes=can.schemes,
        root=can.root,
        server=can.server,
        key=ref["install_path"],
        format=ref["format"],
        grant=GrantRef(id=grant_id, owner=ServiceName.IMAGE_STORE),
    )


def pool_end(ref: Record, store: Record, grant_id: str, hypervisor: str) -> CopyEnd:
    """A replica on a primary pool as one end of a copy; its agent holds the driver."""
    end = image_end(ref, store, grant_id)
    owner = GrantRef(id=grant_id, owner=ServiceName.HYPERVISOR_AGENT)
    return end.model_copy(update={"grant": owner, "hypervisor": HypervisorKind(hypervisor)})


def url_end(row: Record, grant_id: str) -> CopyEnd:
    """A user-given URL as the source of a copy; the URL itself stays here, sealed."""
    return CopyEnd(
        kind=EndKind.URL,
        object=reference(row),
        schemes=(row["url_scheme"],),
        format=row["format"],
        grant=GrantRef(id=grant_id, owner=ServiceName.IMAGE_STORE),
    )
