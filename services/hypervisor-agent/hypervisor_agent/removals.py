"""Objects deleted from the agent's own pools, as the owner of their records says."""

import structlog
from stowage_contracts.envelope import Envelope
from stowage_contracts.errors import StowageError
from stowage_contracts.messages.hypervisor_agent import ObjectRemoved, RemoveObject

from hypervisor_agent.deps import Deps

log = structlog.get_logger(__name__)


async def remove(order: RemoveObject, cause: Envelope, deps: Deps) -> None:
    """Delete it and say so, or say why it stays; one that is not there is gone already."""
    told = ObjectRemoved(host_id=deps.line.host_id, removal_id=order.removal_id)
    try:
        if order.removal_id not in deps.removed:
            await deps.pools.driver(order.store_id).delete(order.key)
            deps.removed.add(order.removal_id)
            log.info("object.removed", pool=order.store_id, key=order.key)
    except StowageError as error:
        log.warning("object.stays", pool=order.store_id, key=order.key, code=error.code)
        told = told.model_copy(update={"error": error.problem})
    await deps.line.say(told, cause)
