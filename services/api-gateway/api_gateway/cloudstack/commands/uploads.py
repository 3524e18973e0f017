"""getUploadParamsForTemplate and …ForIso: register what the caller then POSTs itself."""

from dataclasses import dataclass

from stowage_contracts.messages.image_store import DeleteTemplate

from api_gateway.cloudstack.answers import Answer, One
from api_gateway.cloudstack.asks import Ask
from api_gateway.cloudstack.command import Command
from api_gateway.cloudstack.images.kinds import ISO, TEMPLATE, Kind
from api_gateway.cloudstack.images.registering import Wanted, register
from api_gateway.cloudstack.images.zones import Where, check_stores, image_stores
from api_gateway.cloudstack.uploading import one_zone, params


@dataclass(frozen=True)
class Uploads:
    """The command of one kind."""

    kind: Kind

    async def params(self, ask: Ask) -> Answer:
        """Register one that the caller uploads, and tell where to; abandoned it vanishes."""
        zone_id = one_zone(ask)
        async with ask.desk.transaction() as tx:
            await ask.entity("zoneid", "zone", tx)
            check_stores([zone_id], await image_stores(tx))
            state = await register(Wanted(self.kind, Where((zone_id,))), ask, tx)
        return One(await params(ask, state, DeleteTemplate(template_id=state["id"])))


_MISSING = "projectid"
COMMANDS = (
    Command("getUploadParamsForTemplate", Uploads(TEMPLATE).params, missing=_MISSING),
    Command("getUploadParamsForIso", Uploads(ISO).params, missing=_MISSING),
)
