"""Commits on the agent's own pools."""

from pathlib import PurePosixPath

import structlog
from stowage_contracts.envelope import Envelope
from stowage_contracts.errors import Conflict, NotFound, StowageError
from stowage_contracts.messages.data_motion import CommitHop
from stowage_contracts.plugins.image_store_driver import CommitAsk

from hypervisor_agent.deps import Deps
from hypervisor_agent.pools import hop_of

log = structlog.get_logger(__name__)


async def commit(order: CommitHop, cause: Envelope, deps: Deps) -> None:
    """Make a part visible and say so. Only a destination that was read and found absent or wrong
    fails the hop; after any other error data-motion asks again."""
    try:
        await deps.tools.step("committing")
        ask = _ask(order)
        await deps.pools.driver(order.destination.store_id).commit(ask)
        await deps.tools.step("committed")
    except (NotFound, Conflict) as error:
        await deps.line.say(order.failed(error.problem), cause)
        return
    except StowageError as error:
        log.warning("commit.failed", hop=order.hop_id, code=error.code, cause=error.cause)
        return
    await _tidy(order.hop_id, deps)
    await deps.line.say(order.committed(order.receipt.digest), cause)


async def _tidy(hop_id: str, deps: Deps) -> None:
    """Parts of earlier generations: the order to delete one may have been lost with its reader."""
    try:
        await deps.pools.revoke(hop_id)
    except StowageError as error:  # the next list of live hops does without this one
        log.warning("commit.debris", hop=hop_id, code=error.code, cause=error.cause)


def _ask(order: CommitHop) -> CommitAsk:
    writer = PurePosixPath(order.receipt.part).name.removesuffix(".part")
    if hop_of(writer) != order.hop_id:
        raise Conflict(
            "the receipt names another hop's part", resource=f"hop/{order.hop_id}", code="part"
        )
    return CommitAsk(key=order.destination.key, writer=writer, size=order.receipt.size)
