"""extractTemplate and extractIso: a link to download one."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from stowage_contracts.values import ScopeType
from stowage_runtime.handling.tx import Tx
from stowage_runtime.service import Desk

from api_gateway.cloudstack.answers import Answer, fitted
from api_gateway.cloudstack.asks import Ask
from api_gateway.cloudstack.command import Command
from api_gateway.cloudstack.describing import described
from api_gateway.cloudstack.errors import PARAMETER, Refused
from api_gateway.cloudstack.images.around import State
from api_gateway.cloudstack.images.kinds import ISO, NOUN, TEMPLATE, Kind, seen
from api_gateway.cloudstack.jobs import Job, start
from api_gateway.cloudstack.linking import check_mode, linked, new_link
from api_gateway.deps import Deps


@dataclass(frozen=True)
class Extracting:
    """The command of one kind."""

    kind: Kind

    async def extract(self, ask: Ask) -> Answer:
        """Make a link to download one; it is made anew each time the job is asked for."""
        check_mode(ask)
        async with ask.desk.transaction() as tx:
            state = await seen(self.kind, ask, tx)
            await self._check(ask, state, tx)
        link = await new_link(state, ask)
        async with ask.desk.transaction() as tx:
            facts = {"link_id": link.id, "zone_id": ask.text("zoneid")}
            return await start(ask, tx, NOUN, state["id"], **facts)

    async def _check(self, ask: Ask, state: State, tx: Tx) -> None:
        word, key = self.kind.word, state["id"]
        if not (await described(NOUN, [key], tx))[key].extractable and not ask.caller.admin:
            raise Refused(PARAMETER, f"Unable to extract {word} id={key} as it is not extractable")
        zone_id = ask.text("zoneid")
        if zone_id and zone_id != "-1":
            await ask.entity("zoneid", "zone", tx)
        if not _ready(state, zone_id):
            raise Refused(
                PARAMETER, f"The {word} {key} has not been downloaded", resource=f"{NOUN}/{key}"
            )


def _ready(state: State, zone_id: str) -> bool:
    if not zone_id or zone_id == "-1" or state["scope"]["type"] == ScopeType.REGION:
        return bool(state["ready"])
    return any(zone["zone_id"] == zone_id and zone["ready"] for zone in state["zones"])


def _result(kind: Kind, storage: str) -> Any:
    async def result(job: Job, desk: Desk, deps: Deps) -> Mapping[str, Any]:
        row = {**await linked(job, desk), "storagetype": storage}
        return {kind.key: fitted(row, "ExtractResponse")}

    return result


_MISSING = "mode FTP_UPLOAD, and url"
COMMANDS = (
    Command(
        "extractTemplate",
        Extracting(TEMPLATE).extract,
        result=_result(TEMPLATE, "template"),
        missing=_MISSING,
    ),
    Command("extractIso", Extracting(ISO).extract, result=_result(ISO, "iso"), missing=_MISSING),
)
