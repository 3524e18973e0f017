"""Which agents can open what is on a store."""

from asyncpg import Record
from stowage_contracts.hosts import HostAbilities
from stowage_contracts.plugins.image_store_driver import DriverAbilities

from image_store.store import location_of, scope_of


def opens(host: Record, store: Record, *, writes: bool = False) -> bool:
    """Whether a host's agent reads (or writes) the grants of a store in its scope."""
    can = HostAbilities.model_validate(host["abilities"])
    has = DriverAbilities.model_validate(store["abilities"])
    schemes = set(has.schemes) & set(can.writes if writes else can.reads)
    if schemes == {"file"} and not can.sees(has.root):
        return False
    return bool(schemes) and scope_of(store).covers(location_of(host))
