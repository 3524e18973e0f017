"""The questions of the mirror: which commands tell of which noun."""

from collections.abc import AsyncIterator, Sequence
from typing import Any

from stowage_contracts.errors import NotFound, Unavailable

from api_gateway.mirror.api import CloudStackApi
from api_gateway.mirror.facts import (
    Image,
    ImageRow,
    Owned,
    Place,
    SnapshotRow,
    Thing,
    VolumeRow,
    by_id,
    image_of,
    rows_of,
    thing_of,
    usable,
)
from api_gateway.mirror.nouns import MirrorNoun

_TEMPLATES = ("listTemplates", "template", {"templatefilter": "all", "showremoved": "true"})
_ISOS = ("listIsos", "iso", {"isofilter": "all", "showremoved": "true"})
_MORE = {"host": {"type": "Routing"}}
MOST_ACCOUNTS = 10_000
"""Names remembered; beyond it they are asked for anew."""
Account = tuple[str, str]
"""Domain id and name."""


class Questions:
    """Asks of one noun, by id or all of it."""

    def __init__(self, api: CloudStackApi) -> None:
        self.api = api
        self._accounts: dict[Account, str] = {}

    async def places(self, kinds: Sequence[str]) -> dict[str, list[Place]]:
        """All of zones, pods, clusters and hosts."""
        return {
            kind: await self._places(f"list{kind.capitalize()}s", kind, **_MORE.get(kind, {}))
            for kind in kinds
        }

    async def image(self, id: str, *, iso_first: bool) -> Image | None:
        """A template or ISO; None for one that CloudStack does not have."""
        for command, key, filters in (_ISOS, _TEMPLATES) if iso_first else (_TEMPLATES, _ISOS):
            rows = rows_of(ImageRow, await self._one(command, key, id, filters))
            if rows:
                await self._name(rows)
                return image_of(rows, iso=key == "iso", account=self._account)
        return None

    async def thing(self, noun: MirrorNoun, id: str) -> Thing | None:
        """A volume or snapshot; None for one that CloudStack does not have."""
        if noun is MirrorNoun.VOLUME:
            return await self._thing(rows_of(VolumeRow, await self._one("listVolumes", noun, id)))
        return await self._thing(rows_of(SnapshotRow, await self._one("listSnapshots", noun, id)))

    async def images(self) -> AsyncIterator[list[Image]]:
        """Every template and ISO, page by page."""
        for command, key, filters in (_TEMPLATES, _ISOS):
            async for page in self.api.all(command, key, **filters):
                rows = usable(ImageRow, page)
                await self._name(rows)
                yield [
                    image_of(each, iso=key == "iso", account=self._account)
                    for each in by_id(rows).values()
                ]

    async def things(self, noun: MirrorNoun) -> AsyncIterator[list[Thing]]:
        """Every volume or every snapshot, page by page."""
        kind: type[VolumeRow] | type[SnapshotRow] = VolumeRow
        command = "listVolumes"
        if noun is MirrorNoun.SNAPSHOT:
            kind, command = SnapshotRow, "listSnapshots"
        async for page in self.api.all(command, noun):
            rows = usable(kind, page)
            await self._name(rows)
            yield [thing_of(each, self._account) for each in by_id(rows).values()]

    async def _thing(self, rows: list[Any]) -> Thing | None:
        await self._name(rows)
        return thing_of(rows, self._account) if rows else None

    async def _one(
        self, command: str, key: str, id: str, filters: dict[str, str] | None = None
    ) -> list[dict[str, Any]]:
        """What is told of an id; nothing when there is no such thing, or it is of another kind."""
        try:
            found = await self.api.ask(command, key, id=id, **(filters or {}))
        except NotFound:
            return []
        if any(row.get("id") != id for row in found):
            raise Unavailable(
                f"{command} told of another id", resource="cloudstack", code="cloudstack_answer"
            )
        return found

    async def _places(self, command: str, key: str, **params: str) -> list[Place]:
        pages = [page async for page in self.api.all(command, key, **params)]
        return usable(Place, [row for page in pages for row in page])

    async def _name(self, rows: list[Any]) -> None:
        """Find the ids of accounts that are told by name only."""
        for row in rows:
            who = (row.domainid or "", row.account)
            if row.accountid or not row.account or who in self._accounts:
                continue
            if len(self._accounts) >= MOST_ACCOUNTS:
                self._accounts.clear()
            domain = {"domainid": row.domainid} if row.domainid else {}
            self._accounts[who] = await self._account_named(name=row.account, **domain)

    async def _account_named(self, **who: str) -> str:
        try:
            found = rows_of(Place, await self.api.ask("listAccounts", "account", **who))
        except NotFound:
            return ""
        return found[0].id if len(found) == 1 else ""

    def _account(self, row: Owned) -> str:
        return row.accountid or self._accounts.get((row.domainid or "", row.account), "")
