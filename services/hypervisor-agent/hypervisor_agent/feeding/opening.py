"""Opens a hop's peers as its source, where it was given some."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import structlog
from stowage_contracts.errors import StowageError
from stowage_contracts.messages.hypervisor_agent import Peer
from stowage_contracts.plugins import RangedReader

from hypervisor_agent.engine.incoming import open_incoming
from hypervisor_agent.engine.opening import with_length
from hypervisor_agent.feeding.choice import Choice, Standing
from hypervisor_agent.feeding.client import PeerClient
from hypervisor_agent.feeding.fed_reader import AT_ONCE, FedReader
from hypervisor_agent.feeding.leaf_list import LeafList
from hypervisor_agent.feeding.wire import Wire

if TYPE_CHECKING:
    from hypervisor_agent.engine.hop import Hop

log = structlog.get_logger(__name__)


async def open_fed(hop: Hop) -> FedReader | None:
    """The hop's peers as its source; None where it has none, or their bytes can't be proved."""
    order = hop.order
    peers = [peer for peer in order.peers if hop.tools.wire.reaches(peer.url)]
    if not (peers and hop.tools.shelf) or order.digest is None or order.size is None:
        return None
    try:
        digests = await hop.tools.shelf(order).get(order.digest, order.size)
        leaves = LeafList(digests, order.digest, order.size)
    except (StowageError, ValueError) as error:
        log.warning("peer.no_leaves", hop=order.hop_id, error=type(error).__name__)
        return None

    async def origin() -> RangedReader:
        source = await open_incoming(hop.open_source, order, hop.tools)
        return with_length(source, str(order.source.object))

    reader = FedReader(leaves, _choice(peers, hop.tools.wire), origin, hop.tools.threads)
    reader.meter = hop.meter
    return reader


def _choice(peers: list[Peer], wire: Wire) -> Choice:
    clients = [PeerClient(peer, wire.session(AT_ONCE)) for peer in peers]
    return Choice(asyncio.get_running_loop().time(), tuple(map(Standing, clients)))
