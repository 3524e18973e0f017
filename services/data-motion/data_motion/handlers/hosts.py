"""Agents that join and live."""

from collections.abc import Mapping

from stowage_contracts.message import Message
from stowage_contracts.messages.hypervisor_agent import Heartbeat, HostJoined, ListHops
from stowage_contracts.topology import agent_address
from stowage_runtime.handling.tx import Tx
from stowage_runtime.service import Handler

from data_motion import store
from data_motion.deps import Deps
from data_motion.model import leases
from data_motion.records import AgentRecord
from data_motion.scheduler import schedule


async def on_host_joined(message: HostJoined, tx: Tx, deps: Deps) -> None:
    """Know the agent; give it back what it moved before it restarted, and name what to keep."""
    await store.put(
        tx,
        AgentRecord(
            host_id=message.host_id,
            location=message.location,
            abilities=message.abilities,
            boot_id=message.boot_id,
            seen=tx.now,
        ),
    )
    for row in await tx.rows("copies_of_host", message.host_id):
        job = await store.lock(tx, row["copy_id"])
        if job is not None and job.live:
            step = leases.rejoined(job, message.host_id, message.boot_id, tx.now, deps.rules)
            await store.save(tx, job, step)
    live = tuple(row["id"] for row in await tx.rows("hops_to_keep", message.host_id))
    await tx.say(ListHops(host_id=message.host_id, live=live), to=agent_address(message.host_id))
    await tx.run("unblock")
    await schedule(tx, deps)


async def on_heartbeat(message: Heartbeat, tx: Tx, deps: Deps) -> None:
    """The agent lives; back from a silence, it may take what waits for slots of others."""
    if await tx.value("agent_seen", message.host_id, deps.rules.limits.silent_seconds):
        await tx.run("unblock")
        await schedule(tx, deps)


HANDLERS: Mapping[type[Message], Handler[Deps]] = {HostJoined: on_host_joined}
SIGNALS: Mapping[type[Message], Handler[Deps]] = {Heartbeat: on_heartbeat}
