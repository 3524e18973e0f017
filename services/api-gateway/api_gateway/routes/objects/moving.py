"""Volumes moved to another store: a copy that takes its source away."""

from typing import Any

from pydantic import Field
from stowage_contracts.errors import InvalidInput
from stowage_contracts.messages.image_store import MoveVolume
from stowage_contracts.values import Id, StoreRole, new_id
from stowage_contracts.views import CopyView
from stowage_runtime.handling.tx import Tx
from stowage_runtime.http import Call, Reply
from stowage_runtime.service import Desk

from api_gateway.accounts import Principal
from api_gateway.bodies import Given
from api_gateway.deps import Deps
from api_gateway.idempotency import accept
from api_gateway.orders import IMAGE_STORE, ref_of
from api_gateway.resources import pending, reference
from api_gateway.routes.steering import check_priority

_ROLES = (StoreRole.PRIMARY, StoreRole.IMAGE)


class NewPlace(Given):
    """Where a volume is to be."""

    store_id: Id
    """A primary pool, or from a pool an image store."""
    priority: int = Field(default=0, ge=-100, le=100)


async def move(call: Call, desk: Desk, deps: Deps) -> Reply:
    """Move a volume; follow the copy. Where it was it is deleted once it is Ready there."""

    async def make(tx: Tx) -> CopyView:
        volume = await reference("volume", call.path["id"], call.principal, tx)
        return await ask_move(volume, call.body, call.principal, tx)

    return await accept(call, desk, deps, make)


async def ask_move(
    volume: dict[str, Any], body: NewPlace, principal: Principal, tx: Tx
) -> CopyView:
    """Ask image-store to move a volume whose state it is; raises InvalidInput, NotFound."""
    check_priority(body.priority, principal)
    store = await reference("store", body.store_id, principal, tx)
    if store["role"] not in _ROLES:
        raise InvalidInput(
            f"the store has role {store['role']}; volumes are on pools and image stores",
            code="role",
            resource=f"store/{body.store_id}",
        )
    view = _view(volume, body, tx)
    await pending(tx, "copy", view, view.account_id)
    await tx.say(_command(volume, body, view), to=IMAGE_STORE)
    return view


def _view(volume: dict[str, Any], body: NewPlace, tx: Tx) -> CopyView:
    copy_id = new_id()
    return CopyView(
        id=copy_id,
        leader_id=copy_id,
        account_id=volume["account_id"],
        object=ref_of(volume),
        source=f"volume/{volume['id']}",
        destination=f"store/{body.store_id}",
        destination_store_id=body.store_id,
        state="requested",
        priority=body.priority,
        created=tx.now,
    )


def _command(volume: dict[str, Any], body: NewPlace, view: CopyView) -> MoveVolume:
    return MoveVolume(
        copy_id=view.id,
        account_id=view.account_id,
        volume_id=volume["id"],
        store_id=body.store_id,
        priority=body.priority,
    )
