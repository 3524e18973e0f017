"""Zones, pods, clusters and hosts."""

from stowage_contracts.errors import InvalidInput, Problem
from stowage_contracts.hosts import PoolView
from stowage_contracts.messages.hypervisor_agent import Heartbeat, HostJoined
from stowage_contracts.messages.image_store import (
    AddCluster,
    AddHost,
    AddPod,
    AddZone,
    ClusterAdded,
    HostChanged,
    PodAdded,
    StoreAdded,
    StoreChanged,
    ZoneAdded,
)
from stowage_contracts.values import HostState, Location
from stowage_contracts.views import ClusterView, PodView, ZoneView
from stowage_runtime.handling.tx import Tx

from image_store.deps import Deps
from image_store.intents.hosts import intend_tell
from image_store.keeping.keeper import mind_region
from image_store.store import location_of, need
from image_store.views import host_view, store_view


async def on_add_zone(message: AddZone, tx: Tx, deps: Deps) -> None:
    """A zone needs nothing but its name."""
    await tx.run("add_zone", message.zone_id, message.name)
    row = await need(tx, "zone", message.zone_id)
    await mind_region(tx)
    await tx.say(ZoneAdded(state=ZoneView(id=row["id"], name=row["name"])))


async def on_add_pod(message: AddPod, tx: Tx, deps: Deps) -> None:
    """Retried while its zone is still on the way."""
    await need(tx, "zone", message.zone_id)
    await tx.run("add_pod", message.pod_id, message.zone_id, message.name)
    row = await need(tx, "pod", message.pod_id)
    await tx.say(PodAdded(state=PodView(id=row["id"], name=row["name"], zone_id=row["zone_id"])))


async def on_add_cluster(message: AddCluster, tx: Tx, deps: Deps) -> None:
    """Retried while its pod is still on the way."""
    pod = await need(tx, "pod", message.pod_id)
    await tx.run(
        "add_cluster",
        message.cluster_id,
        pod["id"],
        pod["zone_id"],
        message.name,
        message.hypervisor,
    )
    row = await need(tx, "cluster", message.cluster_id)
    await tx.say(ClusterAdded(state=ClusterView.model_validate(dict(row))))


async def on_add_host(message: AddHost, tx: Tx, deps: Deps) -> None:
    """A host stands in a cluster; a plain mover in a zone, or anywhere in the region."""
    where = await _place(message, tx)
    await tx.run(
        "add_host",
        message.host_id,
        message.name,
        message.hypervisor,
        where.zone_id,
        where.pod_id,
        where.cluster_id,
    )
    await tx.say(HostChanged(state=host_view(await need(tx, "host", message.host_id))))


async def _place(message: AddHost, tx: Tx) -> Location:
    if message.cluster_id is None:
        if message.zone_id is not None:
            await need(tx, "zone", message.zone_id)
        return Location(zone_id=message.zone_id)
    cluster = await need(tx, "cluster", message.cluster_id)
    if cluster["hypervisor"] != message.hypervisor:
        raise InvalidInput(
            f"cluster {cluster['id']} runs {cluster['hypervisor']}, not {message.hypervisor}",
            resource=f"host/{message.host_id}",
            code="hypervisor",
        )
    return Location(zone_id=cluster["zone_id"], pod_id=cluster["pod_id"], cluster_id=cluster["id"])


async def on_host_joined(message: HostJoined, tx: Tx, deps: Deps) -> None:
    """Take what the agent declares as the host's abilities and pools; others are disabled. A pool
    that can't be used is shown with its reason, and the others are."""
    await need(tx, "host", message.host_id)
    abilities = message.abilities.model_dump(mode="json")
    host = await tx.row("host_joined", message.host_id, abilities, [], message.boot_id)
    assert host is not None
    pools = [await _add_pool(pool, location_of(host), tx) for pool in message.pools]
    shown = [pool.model_dump(mode="json") for pool in pools]
    host = await tx.row("host_pools", message.host_id, shown)
    assert host is not None
    await tx.say(HostChanged(state=host_view(host)))
    await intend_tell(tx, message.host_id)
    used = [pool.id for pool in pools if pool.error is None]
    for gone in await tx.rows("pools_gone", message.host_id, used):
        await tx.say(StoreChanged(state=store_view(await need(tx, "store", gone["id"]))))


async def _add_pool(pool: PoolView, where: Location, tx: Tx) -> PoolView:
    """The pool as it is shown with its host."""
    abilities = {"schemes": ["file"], "root": pool.root}
    row = await tx.row(
        "add_pool",
        pool.id,
        pool.name,
        pool.provider,
        "host",
        where.host_id,
        where.zone_id,
        {"root": pool.root},
        abilities,
        [f.value for f in pool.formats],
        pool.total_bytes,
        pool.total_bytes - pool.free_bytes,
    )
    if row is None:
        return pool.model_copy(update={"error": _clash(pool)})
    said = StoreAdded if row["fresh"] else StoreChanged
    await tx.say(said(state=store_view(await need(tx, "store", pool.id))))
    return pool.model_copy(update={"error": None})


def _clash(pool: PoolView) -> Problem:
    return InvalidInput(
        f"pool {pool.id} is already known under another host or provider, or is no pool",
        resource=f"store/{pool.id}",
        code="pool_clash",
        hint="give the pool an id of its own in STOWAGE_AGENT_POOLS of this host",
    ).problem


async def on_heartbeat(message: Heartbeat, tx: Tx, deps: Deps) -> None:
    """Note that the host lives (again) and how much room its pools have."""
    host = await tx.row("host", message.host_id)
    if host is None or host["boot_id"] != message.boot_id:
        return
    alive = await tx.row("host_seen", message.host_id)
    if alive is not None and host["state"] != HostState.UP:
        await tx.say(HostChanged(state=host_view(alive)))
        await intend_tell(tx, message.host_id)
    for pool in message.pools:
        used = pool.total_bytes - pool.free_bytes
        await tx.run("pool_room", pool.id, message.host_id, pool.total_bytes, used)
