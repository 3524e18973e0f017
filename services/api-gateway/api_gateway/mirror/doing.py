"""Steps become what the REST routes would do: rows to read at once, and commands to the owners."""

from stowage_contracts.messages.image_store import ChangeObject, CopyToZone, LeaveZone
from stowage_contracts.values import ScopeType
from stowage_runtime.handling.tx import Tx

from api_gateway.accounts import ADMIN, Principal
from api_gateway.deps import Deps
from api_gateway.mirror.steps import Bring, Create, Delete, Leave, Register, Rename, Spread, Step
from api_gateway.orders import IMAGE_STORE
from api_gateway.resources import reference
from api_gateway.routes.hosts import NewHost, announce
from api_gateway.routes.objects.nouns import NOUNS
from api_gateway.routes.objects.prefetching import Prefetch, bring
from api_gateway.routes.objects.registering import Registration
from api_gateway.routes.places import (
    NewCluster,
    NewPod,
    NewZone,
    create_cluster,
    create_pod,
    create_zone,
)

_NOUNS = {noun.name: noun for noun in NOUNS}


async def do(step: Step, tx: Tx, deps: Deps) -> None:
    """Raises StowageError for what a caller of the route would be told."""
    match step:
        case Create(body):
            await _create(body, tx)
        case Register(body, account_id):
            owner = Principal(account_id or ADMIN.account_id, admin=False)
            await Registration(_NOUNS["template"], body, owner).make(tx, deps)
        case Spread(what, zone_id):
            await tx.say(CopyToZone(object=what, zone_id=zone_id), to=IMAGE_STORE)
        case Leave(what, zone_id):
            await tx.say(LeaveZone(object=what, zone_id=zone_id), to=IMAGE_STORE)
        case Rename(what, name):
            await tx.say(ChangeObject(object=what, name=name), to=IMAGE_STORE)
        case Delete(noun, id):
            command = _NOUNS[noun].delete.model_validate({_NOUNS[noun].key: id})
            await tx.say(command, to=IMAGE_STORE)
        case Bring(noun, id, zone_id):
            found = await reference(noun, id, ADMIN, tx)
            await bring(found, Prefetch(scope=ScopeType.ZONE, scope_id=zone_id), ADMIN, tx)


async def _create(body: NewZone | NewPod | NewCluster | NewHost, tx: Tx) -> None:
    if isinstance(body, NewZone):
        await create_zone(body, tx)
    elif isinstance(body, NewPod):
        await create_pod(body, ADMIN, tx)
    elif isinstance(body, NewHost):
        await announce(body, ADMIN, tx)
    else:
        await create_cluster(body, ADMIN, tx)
