"""Side effect: stores hear of the hosts in their scope."""

from datetime import timedelta

from asyncpg import Record
from stowage_contracts.errors import StowageError
from stowage_contracts.values import HostState, Id, Value
from stowage_contracts.views import HostView
from stowage_runtime.handling.tx import Tx
from stowage_runtime.service import Desk, Settle

from image_store.deps import Deps
from image_store.store import hosted, location_of, scope_of
from image_store.views import host_view, say_trouble


class HostWork(Value):
    """A host to tell every store of, or one."""

    host_id: Id
    store_id: Id | None = None


async def intend_tell(tx: Tx, host_id: str, store_id: str | None = None) -> None:
    """Tell stores of a host as it is when they are told."""
    work = HostWork(host_id=host_id, store_id=store_id)
    await tx.intend("host", work, key=f"{host_id}/{store_id or ''}", within=timedelta(hours=1))


async def tell_of_hosts(tx: Tx, store: Record) -> None:
    """Tell a new store of the hosts that are there already."""
    for host in await tx.rows("hosts_up"):
        if scope_of(store).covers(location_of(host)):
            await intend_tell(tx, host["id"], store["id"])


async def tell(work: HostWork, desk: Desk, deps: Deps) -> Settle:
    """Tell each store in whose scope the host is; one that fails is told again with the others."""
    async with desk.transaction() as tx:
        row = await tx.row("read_host", work.host_id)
        stores = await tx.rows("stores_serving")
    host, failed = (host_view(row) if row else None), None
    for store in stores:
        if host is None or work.store_id not in (None, store["id"]):
            continue
        if scope_of(store).covers(host.location):
            failed = await _tell_one(store, host, desk, deps) or failed
    if failed is not None:
        raise failed

    async def settle(tx: Tx) -> None:
        now = await tx.row("read_host", work.host_id)
        if now is not None and host is not None and now["state"] != host.state:
            await intend_tell(tx, work.host_id, work.store_id)

    return settle


async def _tell_one(store: Record, host: HostView, desk: Desk, deps: Deps) -> StowageError | None:
    try:
        listener = await deps.stores.listener(hosted(store))
        if listener is not None and host.state is HostState.UP:
            await listener.host_connected(host)
        elif listener is not None and host.state is HostState.DISCONNECTED:
            await listener.host_disconnected(host)
    except StowageError as error:
        async with desk.transaction() as tx:
            await say_trouble(tx, store["id"], error.problem)
        return error
    return None


async def tell_failed(work: HostWork, error: StowageError, tx: Tx, deps: Deps) -> None:
    """Every store that failed shows it; the host's next change is told anyway."""
