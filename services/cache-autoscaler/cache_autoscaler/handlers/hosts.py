"""Hosts as the owner of places tells them: what they see, and what VMs they can run."""

from stowage_contracts.messages.image_store import HostChanged
from stowage_contracts.values import HostState
from stowage_contracts.views import HostView
from stowage_runtime.handling.tx import Tx

from cache_autoscaler import vms
from cache_autoscaler.deps import Deps


async def on_host_changed(message: HostChanged, tx: Tx, deps: Deps) -> None:
    """Which directories its agent may open decides which caches serve it."""
    host = message.state
    if host.state is HostState.REMOVED:
        await _removed(host.id, tx)
    elif host.abilities is not None:
        await _told(host, tx)


async def _told(host: HostView, tx: Tx) -> None:
    assert host.abilities is not None
    machines = host.abilities.machines
    await tx.run(
        "host_told",
        host.id,
        list(host.abilities.roots),
        tx.cause.sequence if tx.cause else 0,
        {**host.location.model_dump(mode="json"), "host_id": host.id},
        host.state is HostState.UP,
        host.drain is not None,
        None if machines is None else machines.model_dump(mode="json"),
    )


async def _removed(host_id: str, tx: Tx) -> None:
    """An operator's word that the host is no more is proof enough for its VMs."""
    for each in await tx.rows("vms_on", host_id):
        row = await vms.lock(tx, each["id"])
        if row is not None:
            await vms.gone(tx, row, f"host {host_id} was removed by an operator")
    await tx.run("host_gone", host_id)
