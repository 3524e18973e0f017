"""Objects that are there: listed, shown, changed, spread over zones, deleted."""

from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel
from stowage_contracts.errors import InvalidInput
from stowage_contracts.message import Message
from stowage_contracts.messages.image_store import ChangeObject, CopyToZone
from stowage_contracts.values import Id, ScopeType, Value
from stowage_runtime.handling.tx import Tx
from stowage_runtime.http import Call, Reply
from stowage_runtime.service import Desk

from api_gateway.deps import Deps
from api_gateway.idempotency import accept
from api_gateway.orders import IMAGE_STORE, order, ref_of
from api_gateway.resources import page, reference, settled, shown
from api_gateway.routes.objects.bodies import check_copies
from api_gateway.routes.objects.nouns import Noun


class ZoneAnswer(Value):
    """Whether an object can be read in a zone already, or is on its way there."""

    already_available: bool
    zone_id: Id


@dataclass(frozen=True)
class Living:
    """Routes of the registered objects of one noun."""

    noun: Noun

    async def list(self, call: Call, desk: Desk, deps: Deps) -> BaseModel:
        """The caller's objects."""
        return await page(self.noun.name, call, desk)

    async def show(self, call: Call, desk: Desk, deps: Deps) -> Reply:
        """An object; with ``wait`` once it is ready or has failed."""
        return shown(await settled(self.noun.name, call, desk, deps, _has_settled))

    async def change(self, call: Call, desk: Desk, deps: Deps) -> Reply:
        """Change what is wished for an object."""

        def command(found: dict[str, Any]) -> Message:
            wished = {**found, **call.body.model_dump(exclude_none=True)}
            try:
                check_copies(wished["min_copies"], wished["max_copies"])
            except ValueError as error:
                raise InvalidInput(str(error), code="copies") from None
            return ChangeObject(object=ref_of(found), **call.body.model_dump())

        return await order(call, desk, deps, self.noun.name, command)

    async def delete(self, call: Call, desk: Desk, deps: Deps) -> Reply:
        """Hide an object and delete its replicas."""

        def command(found: dict[str, Any]) -> Message:
            return self.noun.delete.model_validate({self.noun.key: found["id"]})

        return await order(call, desk, deps, self.noun.name, command)

    async def copy_to_zone(self, call: Call, desk: Desk, deps: Deps) -> Reply:
        """Have an object in one more zone; answers at once where it is there already."""

        async def make(tx: Tx) -> Reply:
            zone_id = call.body.zone_id
            await reference("zone", zone_id, call.principal, tx)
            found = await reference(self.noun.name, call.path["id"], call.principal, tx)
            there = _available(found, zone_id)
            if not there:
                command = CopyToZone(object=ref_of(found), zone_id=zone_id)
                await tx.say(command, to=IMAGE_STORE)
            answer = ZoneAnswer(already_available=there, zone_id=zone_id)
            return Reply(answer, status=200 if there else 202)

        return await accept(call, desk, deps, make)


def _has_settled(row: dict[str, Any]) -> bool:
    return bool(row["ready"] or row["error"] or row["removed"])


def _available(found: dict[str, Any], zone_id: str) -> bool:
    zones = found.get("zones", ())
    return found["scope"]["type"] == ScopeType.REGION or any(
        zone["zone_id"] == zone_id and zone["ready"] for zone in zones
    )
