"""Volumes that go somewhere: to another pool or store, or to whoever has a link."""

from stowage_contracts.values import StoreRole

from api_gateway.cloudstack.answers import Answer
from api_gateway.cloudstack.asks import Ask
from api_gateway.cloudstack.command import Command
from api_gateway.cloudstack.describing import described
from api_gateway.cloudstack.disks.rows import VOLUME
from api_gateway.cloudstack.disks.shown import link_result, volume_result
from api_gateway.cloudstack.disks.states import DESTROYED, State, on_role
from api_gateway.cloudstack.errors import PARAMETER, UNSUPPORTED, Refused
from api_gateway.cloudstack.jobs import start, when_copied
from api_gateway.cloudstack.linking import check_mode, new_link
from api_gateway.routes.objects.moving import NewPlace, ask_move


async def migrate_volume(ask: Ask) -> Answer:
    """Move a volume to a pool; where it was it is deleted once it is verified there."""
    async with ask.desk.transaction() as tx:
        state = await ask.entity("volumeid", VOLUME, tx)
        pool = await ask.entity("storageid", "store", tx)
        if not state["ready"]:
            raise Refused(PARAMETER, f"volume {state['id']} is not Ready")
        if any(replica["store_id"] == pool["id"] for replica in state["replicas"]):
            raise Refused(PARAMETER, f"volume {state['id']} is on {pool['name']} already")
        copy = await ask_move(state, NewPlace(store_id=pool["id"]), ask.principal, tx)
        return await start(ask, tx, VOLUME, state["id"], copy_id=copy.id)


async def extract_volume(ask: Ask) -> Answer:
    """Make a link to download a volume that is on an image store."""
    check_mode(ask)
    async with ask.desk.transaction() as tx:
        state = await ask.entity("id", VOLUME, tx)
        await ask.entity("zoneid", "zone", tx)
        told = (await described(VOLUME, [state["id"]], tx))[state["id"]]
        if not told.extractable and not ask.caller.admin:
            raise Refused(PARAMETER, f"volume {state['id']} is not extractable")
        if told.attributes.get(DESTROYED):
            raise Refused(PARAMETER, f"volume {state['id']} is destroyed")
    _check_readable(state)
    link = await new_link(state, ask)
    async with ask.desk.transaction() as tx:
        facts = {"link_id": link.id, "zone_id": ask.text("zoneid")}
        return await start(ask, tx, VOLUME, state["id"], **facts)


def _check_readable(state: State) -> None:
    resource = f"volume/{state['id']}"
    if on_role(state, StoreRole.IMAGE):
        return
    if not state["ready"]:
        raise Refused(PARAMETER, f"volume {state['id']} is not Ready", resource=resource)
    raise Refused(
        UNSUPPORTED,
        f"volume {state['id']} is on a pool, and links are made of image stores",
        resource=resource,
        hint="move it to an image store: POST /v1/volumes/{id}/move",
    )


COMMANDS = (
    Command(
        "migrateVolume",
        migrate_volume,
        follow=when_copied,
        result=volume_result,
        missing="newdiskofferingid; livemigrate is as the hypervisor's agent declares it",
    ),
    Command(
        "extractVolume",
        extract_volume,
        result=link_result,
        missing="volumes on pools (move them first), mode FTP_UPLOAD, and url",
    ),
)
