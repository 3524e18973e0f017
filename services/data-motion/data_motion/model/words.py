"""Builds what is said to agents and to the owners of grants."""

from datetime import timedelta

from stowage_contracts.errors import Problem
from stowage_contracts.messages.data_motion import CloneHop, CommitHop
from stowage_contracts.messages.hypervisor_agent import (
    CancelHop,
    ExecuteHop,
    HopTicket,
    Peer,
    PeerTicket,
    SteerHop,
)
from stowage_contracts.messages.image_store import ReleaseGrants
from stowage_contracts.topology import address, agent_address
from stowage_contracts.values import CopyEnd, EndKind, ServiceName

from data_motion.model.turn import Turn
from data_motion.records import Feeder, HopRecord


def execute(turn: Turn, hop: HopRecord) -> None:
    """Offer a hop to the agent that is to hold its lease."""
    assert hop.host_id is not None
    expires = turn.now + timedelta(seconds=turn.limits.ticket_seconds)
    ticket = HopTicket(
        hop_id=hop.id,
        epoch=hop.epoch,
        generation=hop.generation,
        host_id=hop.host_id,
        source_grant=hop.source.grant,
        destination_grant=hop.destination.grant,
        destination_key=hop.destination.key,
        destination_store_id=hop.destination.store_id,
        expires=expires,
    )
    request = turn.copy.request
    turn.command(
        ExecuteHop(
            hop_id=hop.id,
            copy_id=hop.copy_id,
            host_id=hop.host_id,
            epoch=hop.epoch,
            generation=hop.generation,
            source=hop.source,
            destination=hop.destination,
            size=request.size,
            digest=request.digest,
            checksum=request.checksum,
            max_size=request.max_size,
            hint=hop.journaled,
            stall_seconds=turn.limits.stall_seconds,
            method=hop.method,
            bytes_per_second=turn.copy.bytes_per_second,
            peers=tuple(_peer(turn, hop, feeder) for feeder in hop.fed_by),
            ticket=turn.rules.sign(ticket, expires),
        ),
        agent_address(hop.host_id),
    )


def _peer(turn: Turn, hop: HopRecord, feeder: Feeder) -> Peer:
    """A feeder, with the ticket that opens its door to this hop's agent."""
    assert hop.host_id is not None
    assert turn.copy.request.digest is not None
    expires = turn.now + timedelta(seconds=turn.limits.ticket_seconds)
    claims = PeerTicket(
        hop_id=feeder.hop_id,
        host_id=feeder.host_id,
        reader_id=hop.host_id,
        digest=turn.copy.request.digest,
        expires=expires,
    )
    ticket = turn.rules.sign(claims, expires)
    return Peer(host_id=feeder.host_id, hop_id=feeder.hop_id, url=feeder.door, ticket=ticket)


def steer(turn: Turn, hop: HopRecord) -> None:
    """Tell the agent that holds the lease how fast it may go, and whether it is to stop."""
    assert hop.host_id is not None
    turn.command(
        SteerHop(
            hop_id=hop.id,
            host_id=hop.host_id,
            epoch=hop.epoch,
            bytes_per_second=turn.copy.bytes_per_second,
            yields=bool(hop.yielding),
        ),
        agent_address(hop.host_id),
    )


def commit(turn: Turn, hop: HopRecord) -> None:
    """Ask whoever holds the destination's driver to make it visible."""
    assert hop.receipt is not None
    if hop.by_store:
        clone(turn, hop)
        return
    turn.command(
        CommitHop(
            hop_id=hop.id,
            copy_id=hop.copy_id,
            epoch=hop.epoch,
            destination=hop.destination,
            receipt=hop.receipt,
        ),
        owner_address(hop),
    )


def clone(turn: Turn, hop: HopRecord) -> None:
    """Ask the destination's owner to have its store make it of the source."""
    assert hop.receipt is not None
    turn.command(
        CloneHop(
            hop_id=hop.id,
            copy_id=hop.copy_id,
            epoch=hop.epoch,
            generation=hop.generation,
            source=hop.source,
            destination=hop.destination,
            receipt=hop.receipt,
        ),
        owner_address(hop),
    )


def owner_address(hop: HopRecord) -> str:
    """Who holds the driver of a hop's destination."""
    owner = hop.destination.grant.owner
    if owner is ServiceName.HYPERVISOR_AGENT:
        return agent_address(hop.host_id or "")
    return address(owner)


def release(turn: Turn, hop: HopRecord) -> None:
    """Stop a hop where it runs and give back both its grants; deletes what was written."""
    if hop.host_id is not None:
        cancel(turn, hop)
    for end in (hop.source, hop.destination):
        release_grant(turn, end, hop.epoch)


def cancel(turn: Turn, hop: HopRecord) -> None:
    """Stop one epoch of a hop at its agent."""
    assert hop.host_id is not None
    turn.command(
        CancelHop(hop_id=hop.id, host_id=hop.host_id, epoch=hop.epoch, destination=hop.destination),
        agent_address(hop.host_id),
    )


def release_grant(turn: Turn, end: CopyEnd, epoch: int = 0, damaged: Problem | None = None) -> None:
    """Give one grant back; an agent's own pools follow CancelHop instead, and a cache that is yet
    to be chosen has none."""
    chosen = end.store_id is not None or end.kind is EndKind.URL
    if chosen and end.grant.owner is not ServiceName.HYPERVISOR_AGENT:
        message = ReleaseGrants(grant=end.grant, epoch=epoch, damaged=damaged)
        turn.command(message, address(end.grant.owner))
