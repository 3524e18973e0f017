"""Steps become what the REST routes would do: rows to read at once, and commands to the owners."""

from stowage_contracts.message import Message
from stowage_contracts.messages.image_store import ChangeObject, CopyToZone, LeaveZone
from stowage_contracts.values import ScopeType
from stowage_runtime.handling.tx import Tx

from api_gateway.accounts import ADMIN, Principal
from api_gateway.cloudstack.describing import Subject, describe
from api_gateway.deps import Deps
from api_gateway.mirror.steps import (
    Bring,
    Create,
    Delete,
    Describe,
    Leave,
    Register,
    Rename,
    Spread,
    Step,
)
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
        case Register():
            await _register(step, tx, deps)
        case Describe(id, account_id, change):
            await describe(Subject("template", id, account_id), change, tx)
        case Bring(noun, id, zone_id):
            found = await reference(noun, id, ADMIN, tx)
            await bring(found, Prefetch(scope=ScopeType.ZONE, scope_id=zone_id), ADMIN, tx)
        case Spread() | Leave() | Rename() | Delete():
            await tx.say(_command(step), to=IMAGE_STORE)


def _command(step: Spread | Leave | Rename | Delete) -> Message:
    match step:
        case Spread(what, zone_id):
            return CopyToZone(object=what, zone_id=zone_id)
        case Leave(what, zone_id):
            return LeaveZone(object=what, zone_id=zone_id)
        case Rename(what, name):
            return ChangeObject(object=what, name=name)
        case Delete(noun, id):
            return _NOUNS[noun].delete.model_validate({_NOUNS[noun].key: id})


async def _register(step: Register, tx: Tx, deps: Deps) -> None:
    """An account that is not known here comes with its name, its id and no key."""
    owner = Principal(step.account_id or ADMIN.account_id, admin=False)
    if step.account_id:
        await tx.run("add_account", owner.account_id, step.account or owner.account_id, False)
    made = await Registration(_NOUNS["template"], step.body, owner).make(tx, deps)
    await describe(Subject("template", made.id, made.account_id), step.description, tx)


async def _create(body: NewZone | NewPod | NewCluster | NewHost, tx: Tx) -> None:
    if isinstance(body, NewZone):
        await create_zone(body, tx)
    elif isinstance(body, NewPod):
        await create_pod(body, ADMIN, tx)
    elif isinstance(body, NewHost):
        await announce(body, ADMIN, tx)
    else:
        await create_cluster(body, ADMIN, tx)
