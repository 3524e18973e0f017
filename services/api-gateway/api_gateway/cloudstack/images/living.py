"""Commands on templates and ISOs that are the same for both."""

from dataclasses import dataclass

from stowage_contracts.messages.image_store import ChangeObject, DeleteTemplate, LeaveZone
from stowage_contracts.values import ScopeType

from api_gateway.cloudstack.answers import Answer, One, Rows
from api_gateway.cloudstack.asks import Ask, Paging
from api_gateway.cloudstack.describing import Subject, describe
from api_gateway.cloudstack.errors import PARAMETER, Refused
from api_gateway.cloudstack.images import attributes
from api_gateway.cloudstack.images.around import Entry, State
from api_gateway.cloudstack.images.kinds import NOUN, Kind, owned
from api_gateway.cloudstack.images.listing import asked
from api_gateway.cloudstack.images.registering import Wanted, check_words, register
from api_gateway.cloudstack.images.shown import rows_of, whole
from api_gateway.cloudstack.images.zones import wanted
from api_gateway.cloudstack.jobs import start
from api_gateway.orders import IMAGE_STORE, ref_of


@dataclass(frozen=True)
class Images:
    """Those of one kind."""

    kind: Kind

    async def register(self, ask: Ask) -> Answer:
        """Register one from a URL: it is fetched, verified and kept on image stores."""
        check_words(self.kind, ask)
        async with ask.desk.transaction() as tx:
            where = await wanted(ask, tx)
            state = await register(Wanted(self.kind, where, ask.text("url")), ask, tx)
            zones = where.zones or [row["id"] for row in await tx.rows("places", "zone")]
            rows = await rows_of([Entry(state, zone) for zone in zones or (None,)], tx)
        return Rows(rows, len(rows))

    async def list(self, ask: Ask) -> Answer:
        """List them, a row for each zone."""
        paging = Paging.of(ask)
        async with ask.desk.transaction() as tx:
            listing = await asked(self.kind, ask, tx)
            if listing is None:
                return Rows([], 0)
            found = await listing.rows(paging, tx)
            count = await listing.count(tx)
            return Rows(await rows_of([Entry.of(row) for row in found], tx), count)

    async def update(self, ask: Ask) -> Answer:
        """Change what is said of one."""
        change = attributes.later(ask)
        async with ask.desk.transaction() as tx:
            state = await owned(self.kind, ask, tx)
            _check_format(ask, state)
            await describe(Subject.of(NOUN, state), change, tx)
            if ask.text("name"):
                order = ChangeObject(object=ref_of(dict(state)), name=ask.text("name"))
                await tx.say(order, to=IMAGE_STORE)
                state = {**state, "name": ask.text("name")}
            return One(await whole(state, tx))

    async def delete(self, ask: Ask) -> Answer:
        """Delete one from all zones, or from one of them."""
        async with ask.desk.transaction() as tx:
            state = await owned(self.kind, ask, tx)
            zone_id = _left(ask, state)
            if zone_id:
                await ask.entity("zoneid", "zone", tx)
                leave = LeaveZone(object=ref_of(dict(state)), zone_id=zone_id)
                await tx.say(leave, to=IMAGE_STORE)
            else:
                await tx.say(DeleteTemplate(template_id=state["id"]), to=IMAGE_STORE)
            facts = {"error": state.get("error"), "left": zone_id}
            return await start(ask, tx, NOUN, state["id"], **facts)


def _check_format(ask: Ask, state: State) -> None:
    told = ask.text("format")
    if told and told.lower() != state["format"]:
        raise Refused(
            PARAMETER,
            f"it is {state['format'].upper()}: the format is what its bytes "
            "were found to be, and is not changed",
        )


def _left(ask: Ask, state: State) -> str:
    """The zone it is to leave; empty when it is to go from everywhere."""
    zone_id = ask.text("zoneid")
    if not zone_id or zone_id == "-1":
        return ""
    if state["scope"]["type"] == ScopeType.REGION:
        raise Refused(PARAMETER, "it is in all zones: delete it without zoneid, from all of them")
    zones = {zone["zone_id"] for zone in state["zones"]} or {state["scope"]["zone_id"]}
    if zone_id not in zones:
        raise Refused(PARAMETER, f"it is not in zone {zone_id}", resource=f"zone/{zone_id}")
    return zone_id if zones != {zone_id} else ""
