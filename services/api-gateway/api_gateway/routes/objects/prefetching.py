"""Objects brought onto a cache before anybody asks (CloudStack's prepareTemplate)."""

from dataclasses import dataclass
from typing import Any, Literal

from pydantic import Field
from stowage_contracts.caching import Seconds
from stowage_contracts.messages.image_store import PrefetchObject
from stowage_contracts.values import Id, Scope, ScopeType, new_id
from stowage_contracts.views import CopyView
from stowage_runtime.handling.tx import Tx
from stowage_runtime.http import Call, Reply
from stowage_runtime.service import Desk

from api_gateway.accounts import Principal
from api_gateway.bodies import Given
from api_gateway.deps import Deps
from api_gateway.idempotency import accept
from api_gateway.new_stores import Scoped, scope_of
from api_gateway.orders import IMAGE_STORE, ref_of
from api_gateway.resources import pending, reference
from api_gateway.routes.objects.nouns import Noun


class Prefetch(Given):
    """Near whom an object is to be, and for how long."""

    id: Id | None = None
    """Of the copy that brings it."""
    scope: Literal[ScopeType.ZONE, ScopeType.POD, ScopeType.CLUSTER, ScopeType.HOST]
    scope_id: Id
    hold_seconds: Seconds = 3600
    """Nothing evicts it for so long after it is there."""
    priority: int = Field(default=0, ge=-100, le=100)


@dataclass(frozen=True)
class Prefetching:
    """The route of one noun."""

    noun: Noun

    async def prefetch(self, call: Call, desk: Desk, deps: Deps) -> Reply:
        """Bring it onto a cache store of a scope; follow the copy. Again, it is held longer."""
        call.principal.require_admin()

        async def make(tx: Tx) -> CopyView:
            found = await reference(self.noun.name, call.path["id"], call.principal, tx)
            return await bring(found, call.body, call.principal, tx)

        return await accept(call, desk, deps, make)


async def bring(found: dict[str, Any], body: Prefetch, principal: Principal, tx: Tx) -> CopyView:
    """The row of the copy and the command; raises NotFound, InvalidInput, Conflict."""
    scope = await scope_of(Scoped(body.scope, body.scope_id), principal, tx)
    view = _view(found, body, principal, tx)
    await pending(tx, "copy", view, view.account_id)
    await tx.say(_command(view, body, scope), to=IMAGE_STORE)
    return view


def _view(found: dict[str, Any], body: Prefetch, principal: Principal, tx: Tx) -> CopyView:
    copy_id = body.id or new_id()
    return CopyView(
        id=copy_id,
        leader_id=copy_id,
        account_id=principal.account_id,
        object=ref_of(found),
        source=f"{ref_of(found).noun}/{found['id']}",
        destination=f"a cache of {body.scope}/{body.scope_id}",
        state="requested",
        priority=body.priority,
        created=tx.now,
    )


def _command(view: CopyView, body: Prefetch, scope: Scope) -> PrefetchObject:
    return PrefetchObject(
        copy_id=view.id,
        account_id=view.account_id,
        object=view.object,
        scope=scope,
        hold_seconds=body.hold_seconds,
        priority=body.priority,
    )
