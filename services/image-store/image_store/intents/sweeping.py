"""One walk over all that is on a store, a page at a time, beside the same page of the catalogue."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError
from stowage_contracts.catalogue import FindingKind, Manifest
from stowage_contracts.errors import NotFound
from stowage_contracts.plugins.image_store_driver import (
    ImageStoreDriver,
    NoteKeeper,
    ObjectStat,
    OpenWrite,
    WriteLister,
)
from stowage_contracts.values import ReplicaState
from stowage_runtime.handling.tx import Tx
from stowage_runtime.service import Desk

from image_store.model.inventory import Known, Suspect, compare, confirm, holds

PAGE = 500
"""Keys compared at a time."""
_SUSPECTS = 10_000
"""Most unfinished writes a scan looks at twice; more are left to the next one."""


async def manifest_at(driver: ImageStoreDriver, key: str) -> Manifest | None:
    """The manifest beside an object; None where there is none, or none of ours."""
    if not driver.can.notes:
        return None
    keeper: NoteKeeper = driver  # type: ignore[assignment]
    try:
        return Manifest.model_validate_json(await keeper.read_note(key))
    except (NotFound, ValidationError):
        return None


@dataclass
class Sweep:
    """A scan under way; every difference is asked for twice before it is written down."""

    store_id: str
    scan_id: str
    desk: Desk
    driver: ImageStoreDriver
    _after: str = field(default="", init=False)

    async def objects(self) -> int:
        """Compare every object; answers how many there are."""
        count, page = 0, list[ObjectStat]()
        async for stat in self.driver.list():
            page.append(stat)
            if len(page) == PAGE:
                await self._compare(page, page[-1].key)
                count, page = count + PAGE, []
        await self._compare(page, "")
        return count + len(page)

    async def writes(self) -> None:
        """Look at unfinished writes, where the store can tell."""
        if not self.driver.can.lists_writes:
            return
        lister: WriteLister = self.driver  # type: ignore[assignment]
        suspects, page = set[tuple[str, str, str]](), list[OpenWrite]()
        async for one in lister.writes():
            page.append(one)
            if len(page) == PAGE:
                suspects |= await self._nobodys(page)
                page = []
            if len(suspects) >= _SUSPECTS:
                break
        suspects |= await self._nobodys(page)
        if suspects:
            await self._again(lister, suspects)

    async def _compare(self, page: Sequence[ObjectStat], upto: str) -> None:
        """Listed objects against the catalogue, and the catalogue up to there against them."""
        keys = [stat.key for stat in page]
        async with self.desk.transaction() as tx:
            known, going = await self._known(tx, keys)
        suspects = compare(page, known, going)
        sizes = {key: ref.size for key, ref in known.items()}
        await self._confirm(suspects, sizes)
        await self._missing(upto, keys)
        self._after = upto

    async def _missing(self, upto: str, keys: list[str]) -> None:
        after, rows = self._after, list[Any]()
        while not rows or len(rows) == PAGE:
            async with self.desk.transaction() as tx:
                rows = await tx.rows("refs_between", self.store_id, after, upto, keys, PAGE)
            if not rows:
                return
            suspects = [
                Suspect(FindingKind.MISSING, row["install_path"], None, row["id"]) for row in rows
            ]
            await self._confirm(suspects, {row["install_path"]: row["size"] for row in rows})
            after = rows[-1]["install_path"]

    async def _confirm(self, suspects: Sequence[Suspect], sizes: dict[str, int | None]) -> None:
        """Look again: what came, went or was finished meanwhile is no difference."""
        found = []
        for suspect in suspects:
            sure = confirm(suspect, await self._stat(suspect.key), sizes.get(suspect.key))
            if sure is not None:
                found.append((sure, await self._told(sure)))
        if not found:
            return
        async with self.desk.transaction() as tx:
            known, going = await self._known(tx, [sure.key for sure, _ in found])
            rows = [_row(sure, told) for sure, told in found if holds(sure, known, going)]
            await tx.run("saw", self.store_id, self.scan_id, rows)

    async def _stat(self, key: str) -> ObjectStat | None:
        try:
            return await self.driver.stat(key)
        except NotFound:
            return None

    async def _told(self, sure: Suspect) -> dict[str, Any] | None:
        """What an orphan's manifest says it is."""
        if sure.kind is not FindingKind.ORPHAN:
            return None
        manifest = await manifest_at(self.driver, sure.key)
        return manifest.object.model_dump(mode="json") if manifest else None

    async def _known(self, tx: Tx, keys: list[str]) -> tuple[dict[str, Known], set[str]]:
        refs = await tx.rows("keys_known", self.store_id, keys)
        known = {
            ref["install_path"]: Known(ref["id"], ReplicaState(ref["state"]), ref["size"])
            for ref in refs
        }
        return known, {row["key"] for row in await tx.rows("keys_going", self.store_id, keys)}

    async def _nobodys(self, page: Sequence[OpenWrite]) -> set[tuple[str, str, str]]:
        """Those whose key nothing is being made at."""
        keys = [one.key for one in page]
        async with self.desk.transaction() as tx:
            live = await tx.rows("writers_at", self.store_id, keys)
            going = await tx.rows("keys_going", self.store_id, keys)
        taken = {row["key"] for row in (*live, *going)}
        return {_name(one) for one in page if one.key not in taken}

    async def _again(self, lister: WriteLister, suspects: set[tuple[str, str, str]]) -> None:
        """Look again at all of them; one that is not there any more was committed or given up."""
        still = [one async for one in lister.writes() if _name(one) in suspects]
        for start in range(0, len(still), PAGE):
            page = still[start : start + PAGE]
            sure = await self._nobodys(page)
            rows = [_open(one) for one in page if _name(one) in sure]
            async with self.desk.transaction() as tx:
                await tx.run("saw", self.store_id, self.scan_id, rows)


def _name(one: OpenWrite) -> tuple[str, str, str]:
    return one.key, one.writer, one.session


def _row(sure: Suspect, told: dict[str, Any] | None) -> dict[str, Any]:
    return {
        "kind": sure.kind,
        "key": sure.key,
        "writer": "",
        "session": "",
        "size": sure.size,
        "object": told,
        "ref_id": sure.ref_id,
    }


def _open(one: OpenWrite) -> dict[str, Any]:
    return {
        "kind": FindingKind.OPEN_WRITE,
        "key": one.key,
        "writer": one.writer,
        "session": one.session,
        "size": one.size,
    }
