"""What stands in a simulated world: two image stores, a cache, three pools, four agents."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cache_autoscaler.settings import Settings as CacheSettings
from data_motion.model.limits import Limits
from image_store.settings import Settings as ImageSettings
from pydantic import SecretStr
from stowage_contracts.errors import GrantRefused
from stowage_contracts.hosts import HostAbilities
from stowage_contracts.messages.hypervisor_agent import HopTicket
from stowage_contracts.plugins.image_store_driver import DriverAbilities
from stowage_contracts.values import HypervisorKind, Location, ServiceName, StoreRole, Value

from tests.simulator.kernel import BEGIN
from tests.simulator.stores import RANGE, SimStore
from tests.simulator.tables.caches import CacheTables
from tests.simulator.tables.image_store import ImageTables
from tests.simulator.tables.rows import Row

LIMITS = Limits(
    host_return_seconds=90,
    wait_seconds=1200,
    cache_wait_seconds=600,
    commit_seconds=400,
    stall_seconds=16,
    cut_off_seconds=60,
    pause_seconds=1500,
    store_slots=3,
    account_slots=4,
)
ZONE = "z1"
WEB = ("https", "file")


@dataclass(frozen=True)
class Seals:
    """Signs and verifies tickets, without the arithmetic."""

    def sign(self, ticket: Value, expires: datetime) -> SecretStr:
        """The ticket itself."""
        return SecretStr(ticket.model_dump_json())

    def verify(self, token: SecretStr, model: type[Value], now: Any) -> Value:
        """Believes it while it is fresh."""
        ticket = HopTicket.model_validate_json(token.get_secret_value())
        if model is not HopTicket or ticket.expires <= now:
            raise GrantRefused("the ticket has expired", code="expired")
        return ticket


def place(host_id: str) -> Location:
    """Where a host stands."""
    return Location(zone_id=ZONE, pod_id="p1", cluster_id="c1", host_id=host_id)


HOSTS: dict[str, HostAbilities] = {
    "kvm1": HostAbilities(
        hypervisor=HypervisorKind.KVM, reads=WEB, writes=WEB, roots=("/nfs",), slots=2
    ),
    "kvm2": HostAbilities(
        hypervisor=HypervisorKind.KVM, reads=WEB, writes=WEB, roots=("/nfs",), slots=1
    ),
    "mover1": HostAbilities(
        hypervisor=HypervisorKind.NONE, reads=WEB, writes=WEB, roots=("/nfs", "/cache"), slots=2
    ),
    "xen1": HostAbilities(
        hypervisor=HypervisorKind.XENSERVER,
        reads=("file",),
        writes=("file",),
        roots=("/cache", "/pool"),
        slots=2,
    ),
}
POOLS = ("kvm1", "kvm2", "xen1")


def _sees_own(host_id: str, abilities: HostAbilities) -> HostAbilities:
    own = (*abilities.roots, f"/pool/{host_id}")
    return abilities.model_copy(update={"roots": own})


def agents() -> dict[str, HostAbilities]:
    """Every host and what its agent declares."""
    return {host_id: _sees_own(host_id, can) for host_id, can in HOSTS.items()}


def store_row(store_id: str, role: StoreRole, can: DriverAbilities, host_id: str = "") -> Row:
    """A row of ``image_data_store``."""
    return Row(
        {
            "id": store_id,
            "name": store_id,
            "provider": "S3" if can.multipart else "directory",
            "role": role,
            "scope_type": "host" if host_id else "region",
            "scope_id": host_id or None,
            "zone_id": ZONE if host_id else None,
            "state": "Up",
            "settings": {},
            "sealed": "",
            "abilities": can.model_dump(mode="json"),
            "formats": ["qcow2", "raw"],
            "total_bytes": 1 << 44,
            "used_bytes": 0,
            "checks": [],
            "error": None,
            "tags": [],
            "evacuation": None,
            "inventory": None,
            "measured": None,
        }
    )


def host_row(host_id: str, can: HostAbilities) -> Row:
    """A row of ``hosts``."""
    return Row(
        {
            "id": host_id,
            "name": host_id,
            "hypervisor": can.hypervisor.value,
            "zone_id": ZONE,
            "pod_id": "p1",
            "cluster_id": "c1",
            "state": "Up",
            "boot_id": "",
            "drain": None,
            "pools": [_pool(host_id)] if host_id in POOLS else [],
            "abilities": can.model_dump(mode="json"),
            "seen": BEGIN,
        }
    )


def _pool(host_id: str) -> dict[str, Any]:
    return {
        "id": f"pool-{host_id}",
        "name": host_id,
        "provider": "directory",
        "can": [],
        "root": f"/pool/{host_id}",
        "formats": ["qcow2"],
        "total_bytes": 1 << 44,
        "free_bytes": 1 << 44,
    }


def furnish_images(tables: ImageTables, stores: dict[str, SimStore]) -> None:
    """Image stores, pools and hosts as the catalogue knows them."""
    for store_id in ("s3", "nfs"):
        tables.stores[store_id] = store_row(store_id, StoreRole.IMAGE, stores[store_id].can)
    for host_id in POOLS:
        store = stores[f"pool-{host_id}"]
        tables.stores[store.id] = store_row(store.id, StoreRole.PRIMARY, store.can, host_id)
    for host_id, can in agents().items():
        tables.hosts[host_id] = host_row(host_id, can)


def furnish_caches(tables: CacheTables, store: SimStore, ranges: float) -> None:
    """One cache that holds so many ranges."""
    tables.stores[store.id] = Row(
        {
            "id": store.id,
            "name": store.id,
            "provider": "directory",
            "scope_type": "zone",
            "scope_id": ZONE,
            "zone_id": ZONE,
            "state": "Up",
            "settings": {},
            "sealed": "",
            "abilities": store.can.model_dump(mode="json"),
            "total_bytes": int(ranges * RANGE),
            "foreign_bytes": 0,
            "checks": [],
            "error": None,
            "adopting": False,
            "probed": tables.now,
        }
    )


def image_settings() -> ImageSettings:
    """Defaults, but asks again soon."""
    return ImageSettings.model_construct(**_defaults(ImageSettings), ask_again_seconds=60.0)


def cache_settings() -> CacheSettings:
    """Defaults, but takes what fits."""
    return CacheSettings.model_construct(
        **_defaults(CacheSettings), cache_fill_limit=1.0, cache_evict_high=1.0
    )


def _defaults(model: type[Any]) -> dict[str, Any]:
    known = {"ask_again_seconds", "cache_fill_limit", "cache_evict_high"}
    fields = model.model_fields.items()
    return {n: f.default for n, f in fields if not f.is_required() and n not in known}


OWNERS = (ServiceName.DATA_MOTION, ServiceName.IMAGE_STORE, ServiceName.CACHE_AUTOSCALER)
