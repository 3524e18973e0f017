"""copyTemplate and copyIso: have one in more zones."""

from collections.abc import Sequence
from dataclasses import dataclass

from stowage_contracts.messages.image_store import CopyToZone
from stowage_contracts.values import ScopeType
from stowage_runtime.handling.tx import Tx

from api_gateway.cloudstack.answers import Answer
from api_gateway.cloudstack.asks import Ask
from api_gateway.cloudstack.command import Command
from api_gateway.cloudstack.errors import NOT_THERE, PARAMETER, Refused
from api_gateway.cloudstack.images.around import State
from api_gateway.cloudstack.images.following import when_there
from api_gateway.cloudstack.images.kinds import ISO, NOUN, TEMPLATE, Kind, owned
from api_gateway.cloudstack.images.shown import result
from api_gateway.cloudstack.images.zones import check_stores, image_stores
from api_gateway.cloudstack.jobs import start
from api_gateway.orders import IMAGE_STORE, ref_of


@dataclass(frozen=True)
class Copying:
    """The command of one kind."""

    kind: Kind

    async def copy(self, ask: Ask) -> Answer:
        """Have one in other zones; a region-wide one is there by itself."""
        async with ask.desk.transaction() as tx:
            state = await owned(self.kind, ask, tx)
            zones = await _wanted(ask, tx)
            _check_source(self.kind, ask, state)
            lacking = _lacking(state, zones)
            check_stores(lacking, await image_stores(tx), NOT_THERE)
            for zone_id in lacking:
                command = CopyToZone(object=ref_of(dict(state)), zone_id=zone_id)
                await tx.say(command, to=IMAGE_STORE)
            facts = {"zones": lacking, "error": state.get("error")}
            return await start(ask, tx, NOUN, state["id"], **facts)


async def _wanted(ask: Ask, tx: Tx) -> Sequence[str]:
    """Zones it is to be in; raises Refused."""
    named = [*ask.items("destzoneids"), *filter(None, [ask.text("destzoneid")])]
    zones = list(dict.fromkeys(named))
    if not zones:
        raise Refused(PARAMETER, "Either destzoneid or destzoneids has to be specified.")
    for zone_id in zones:
        await ask.known("zone", zone_id, "destzoneid", tx)
    source = ask.text("sourcezoneid")
    if source and source != "-1":
        await ask.entity("sourcezoneid", "zone", tx)
        if source in zones:
            raise Refused(PARAMETER, "Please specify different source and destination zones.")
    return zones


def _check_source(kind: Kind, ask: Ask, state: State) -> None:
    source = ask.text("sourcezoneid")
    ready = {zone["zone_id"] for zone in state["zones"] if zone["ready"]}
    there = state["ready"] if source in ("", "-1") else source in ready
    if not there:
        where = "on any image store" if source in ("", "-1") else f"in zone {source}"
        raise Refused(
            PARAMETER,
            f"{kind.word} {state['id']} is not ready {where}",
            resource=f"{NOUN}/{state['id']}",
            hint="wait until it is, then copy it",
        )


def _lacking(state: State, zones: Sequence[str]) -> list[str]:
    """Those of the zones it is not in: none, of what is everywhere."""
    if state["scope"]["type"] == ScopeType.REGION:
        return []
    ready = {zone["zone_id"] for zone in state["zones"] if zone["ready"]}
    return [zone for zone in zones if zone not in ready]


COMMANDS = tuple(
    Command(name, Copying(kind).copy, follow=when_there, result=result)
    for name, kind in (("copyTemplate", TEMPLATE), ("copyIso", ISO))
)
