"""Single replicas of an object: verified, deleted; operators only."""

from dataclasses import dataclass
from typing import Any

from stowage_contracts.errors import NotFound
from stowage_contracts.message import Message
from stowage_contracts.messages.image_store import DeleteReplica, VerifyReplica
from stowage_runtime.http import Call, Reply
from stowage_runtime.service import Desk

from api_gateway.deps import Deps
from api_gateway.orders import order, ref_of
from api_gateway.routes.objects.nouns import Noun


@dataclass(frozen=True)
class Replicas:
    """Routes of the replicas of one noun's objects."""

    noun: Noun

    async def delete(self, call: Call, desk: Desk, deps: Deps) -> Reply:
        """Delete an object from one store; its last good replica stays."""
        return await self._order(call, desk, deps, DeleteReplica)

    async def verify(self, call: Call, desk: Desk, deps: Deps) -> Reply:
        """Read every byte of a replica again and compare."""
        return await self._order(call, desk, deps, VerifyReplica)

    async def _order(
        self, call: Call, desk: Desk, deps: Deps, kind: type[DeleteReplica] | type[VerifyReplica]
    ) -> Reply:
        call.principal.require_admin()
        store_id = call.path["store_id"]

        def command(found: dict[str, Any]) -> Message:
            if all(replica["store_id"] != store_id for replica in found["replicas"]):
                raise NotFound(
                    "the object has no replica there",
                    resource=f"{self.noun.name}/{found['id']}",
                    code="replica",
                    hint="its replicas are shown with it",
                )
            return kind(object=ref_of(found), store_id=store_id)

        return await order(call, desk, deps, self.noun.name, command)
