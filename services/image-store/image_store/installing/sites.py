"""Where a template is asked for: the template, the pool and its host, locked in that order."""

from dataclasses import dataclass

from asyncpg import Record
from stowage_contracts.errors import Conflict
from stowage_contracts.hosts import PoolView
from stowage_contracts.messages.image_store import RequestCopy
from stowage_contracts.values import (
    ImageFormat,
    Location,
    ObjectKind,
    ObjectRef,
    ReplicaState,
    StoreRole,
    StoreState,
)
from stowage_runtime.handling.tx import Tx

from image_store.objects.sources import readable_at
from image_store.store import location_of, locked_store, need, need_object, reference

_THERE = frozenset({ReplicaState.CREATING, ReplicaState.READY})


@dataclass(frozen=True)
class Site:
    """A template and the pool it is asked for on."""

    template: Record
    pool: Record
    host: Record

    @property
    def location(self) -> Location:
        """Where the pool's host stands."""
        return location_of(self.host)

    @property
    def view(self) -> PoolView:
        """The pool as its agent declared it."""
        pools = (PoolView.model_validate(pool) for pool in self.host["pools"])
        found = next((pool for pool in pools if pool.id == self.pool["id"]), None)
        if found is None:
            raise _not_up(self.pool)
        return found

    async def held(self, tx: Tx) -> Record | None:
        """The pool's own copy of the template, there or on its way."""
        return await tx.row("ref_on", "template", self.template["id"], self.pool["id"])


async def site_of(message: RequestCopy, tx: Tx) -> Site:
    """Raises NotFound, Conflict when the template is gone or the pool takes nothing."""
    template = await need_object(tx, ObjectRef(kind=ObjectKind.TEMPLATE, id=message.template_id))
    if message.volume_id:  # objects are locked before stores, as everywhere
        await tx.row("object", ObjectKind.VOLUME, message.volume_id)
    pool = await locked_store(tx, message.store_id)
    site = Site(template, pool, await need(tx, "read_host", host_of(pool)))
    if template["removed"]:
        raise Conflict("the template was deleted", resource=f"template/{template['id']}")
    return site


def host_of(pool: Record) -> str:
    """The host that alone sees a pool; raises Conflict unless it is a pool, and Up."""
    if pool["role"] != StoreRole.PRIMARY or pool["scope_type"] != "host":
        raise Conflict(
            "templates are copied to primary pools",
            resource=f"store/{pool['id']}",
            hint="name a store of role Primary as the destination",
        )
    if pool["state"] != StoreState.UP:
        raise _not_up(pool)
    return str(pool["scope_id"])


def _not_up(pool: Record) -> Conflict:
    return Conflict(f"the pool is {pool['state']}", resource=f"store/{pool['id']}")


def check_format(wanted: ImageFormat, pool: Record) -> ImageFormat:
    """The format itself; raises Conflict where the pool does not take it."""
    if wanted not in pool["formats"]:
        raise Conflict(
            f"the pool takes {', '.join(pool['formats'])}, not {wanted}",
            code="format",
            resource=f"store/{pool['id']}",
            hint="ask for one of the pool's formats",
        )
    return wanted


def check_there(ref: Record) -> Record:
    """The replica itself; raises Conflict when it is leaving its store."""
    if ref["state"] not in _THERE:
        raise Conflict(
            f"{ref['object_id']} is {ref['state']} there",
            code="leaving",
            resource=f"store/{ref['store_id']}",
            hint="ask again when it is gone",
        )
    return ref


async def readable_source(site: Site, tx: Tx) -> tuple[Record, Record]:
    """A Ready replica on a readable image store that reaches the pool; raises Conflict."""
    return await readable_at(site.template, site.location, tx)


def template_of(site: Site) -> ObjectRef:
    """The template as messages name it."""
    return reference(site.template)
