"""prepareTemplate: bring a template to where volumes will be made of it."""

from collections.abc import Sequence

from stowage_contracts.values import ScopeType, StoreRole, StoreState
from stowage_runtime.handling.tx import Tx

from api_gateway.cloudstack.answers import Answer, One
from api_gateway.cloudstack.asks import Ask
from api_gateway.cloudstack.errors import NOT_THERE, PARAMETER, Refused
from api_gateway.cloudstack.images.around import State
from api_gateway.cloudstack.images.kinds import TEMPLATE, seen
from api_gateway.cloudstack.images.rows import reaches
from api_gateway.cloudstack.images.shown import whole
from api_gateway.routes.copies import NewCopy
from api_gateway.routes.copies import ask as ask_copy
from api_gateway.routes.objects.prefetching import Prefetch, bring


async def prepare(ask: Ask) -> Answer:
    """Bring a template onto the primary pools of a zone, or one of them, and onto its caches."""
    async with ask.desk.transaction() as tx:
        state = await seen(TEMPLATE, ask, tx, "templateid")
        zone = await ask.entity("zoneid", "zone", tx)
        if not state["ready"]:
            raise Refused(PARAMETER, f"Template {state['id']} is not ready on any image store")
        pools, caches = await _near(ask, zone["id"], tx)
        if not pools and not caches:
            raise Refused(NOT_THERE, f"zone {zone['id']} has neither primary pools nor caches")
        for pool in pools:
            body = NewCopy(template_id=state["id"], store_id=pool["id"])
            await ask_copy(body, ask.principal, tx)
        if caches:
            near = Prefetch(scope=ScopeType.ZONE, scope_id=zone["id"])
            await bring(dict(state), near, ask.principal, tx)
        return One(await whole(state, tx))


async def _near(ask: Ask, zone_id: str, tx: Tx) -> tuple[Sequence[State], Sequence[State]]:
    """Pools and caches to bring it to; raises Refused."""
    stores = [row["state"] for row in await tx.rows("places", "store")]
    up = [s for s in stores if s["state"] == StoreState.UP and reaches(s, zone_id)]
    pools = [store for store in up if store["role"] == StoreRole.PRIMARY]
    if not ask.text("storageid"):
        return pools, [store for store in up if store["role"] == StoreRole.IMAGE_CACHE]
    pool = await ask.entity("storageid", "store", tx)
    if pool["role"] != StoreRole.PRIMARY or not reaches(pool, zone_id):
        raise Refused(PARAMETER, f"store {pool['id']} is no primary pool of zone {zone_id}")
    return [pool], []
