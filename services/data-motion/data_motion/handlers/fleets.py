"""Fleets of transport VMs, as their owner tells of them: caches that come when they are wanted."""

from collections.abc import Mapping

from stowage_contracts.message import Message
from stowage_contracts.messages.cache_autoscaler import CacheFleetChanged, CacheFleetRemoved
from stowage_runtime.handling.tx import Tx
from stowage_runtime.service import Handler

from data_motion import store
from data_motion.deps import Deps
from data_motion.records import FleetRecord


async def on_fleet_changed(message: CacheFleetChanged, tx: Tx, deps: Deps) -> None:
    """Copies planned from now on may count on it."""
    sequence = tx.cause.sequence if tx.cause else 0
    await store.put(tx, FleetRecord(id=message.state.id, view=message.state, sequence=sequence))


async def on_fleet_removed(message: CacheFleetRemoved, tx: Tx, deps: Deps) -> None:
    """Nothing comes any more; copies that wait are told so by the caches."""
    await tx.run("drop_fleet", message.state.id)


HANDLERS: Mapping[type[Message], Handler[Deps]] = {
    CacheFleetChanged: on_fleet_changed,
    CacheFleetRemoved: on_fleet_removed,
}
