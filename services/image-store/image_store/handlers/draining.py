"""Hosts whose agents are given nothing new."""

from stowage_contracts.messages.data_motion import HostDraining
from stowage_contracts.messages.image_store import HostChanged
from stowage_runtime.handling.tx import Tx

from image_store.deps import Deps
from image_store.views import host_view


async def on_host_draining(message: HostDraining, tx: Tx, deps: Deps) -> None:
    """Shown on the host; no inspection is sent there either."""
    drain = message.drain.model_dump(mode="json") if message.drain else None
    host = await tx.row("host_drains", message.host_id, drain)
    if host is not None:
        await tx.say(HostChanged(state=host_view(host)))
