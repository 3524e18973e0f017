"""What is on an image store, looked at as folders, and downloads of it."""

from collections.abc import Mapping
from dataclasses import replace
from math import ceil
from typing import Any

from stowage_contracts.catalogue import StoreEntry
from stowage_contracts.messages.image_store import (
    LinkMade,
    ListStoreObjects,
    MakeLink,
    StoreObjectsListed,
)
from stowage_contracts.values import ObjectKind
from stowage_runtime.service import Desk

from api_gateway.cloudstack.answers import Answer, Row, Rows, fitted
from api_gateway.cloudstack.asks import Ask, Paging
from api_gateway.cloudstack.command import Command
from api_gateway.cloudstack.commands.image_stores import image_store
from api_gateway.cloudstack.errors import PARAMETER, Refused
from api_gateway.cloudstack.jobs import Job, start
from api_gateway.cloudstack.linking import linked
from api_gateway.deps import Deps
from api_gateway.orders import ask as ask_owner
from api_gateway.routes.objects.linking import link_to

MOST = 10_000
"""Entries of one folder that are counted and can be paged to."""
_PAGE = 500
_NAMES = {
    ObjectKind.TEMPLATE: "template",
    ObjectKind.ISO: "template",
    ObjectKind.SNAPSHOT: "snapshot",
    ObjectKind.VOLUME: "volume",
}


async def list_objects(ask: Ask) -> Answer:
    """List a folder of an image store, and which object each file is."""
    paging = Paging.of(ask)
    async with ask.desk.transaction() as tx:
        state = await image_store(ask, "id", tx)
    limit = MOST if paging.limit is None else paging.limit
    found: list[StoreEntry] = []
    while len(found) < limit:
        asked = min(_PAGE, limit - len(found))
        page = await _listed(
            state["id"], ask.text("path"), (paging.offset + len(found), asked), ask
        )
        found += page.entries
        if len(page.entries) < asked:
            break
    return Rows([_row(entry) for entry in found], page.count)


async def _listed(store_id: str, path: str, page: tuple[int, int], ask: Ask) -> StoreObjectsListed:
    question = ListStoreObjects(store_id=store_id, path=path, offset=page[0], limit=page[1])
    return await ask_owner(ask.desk, question, StoreObjectsListed)


def _row(entry: StoreEntry) -> Row:
    named: dict[str, Any] = {}
    if entry.object is not None:
        noun = _NAMES[entry.object.kind]
        named = {f"{noun}id": entry.object.id, f"{noun}name": entry.object_name}
    return {
        "name": entry.name,
        "isdirectory": entry.folder,
        "size": entry.size or 0,
        "format": entry.format.upper() if entry.format else None,
        "lastupdated": entry.updated,
        **named,
    }


async def download(ask: Ask) -> Answer:
    """Make a link to download what is at a path of an image store; its job makes the URL anew
    each time it is asked for."""
    async with ask.desk.transaction() as tx:
        state = await image_store(ask, "id", tx)
    path = ask.text("path").strip("/")
    listed = await _listed(state["id"], path, (0, 1), ask) if path else None
    entry = listed.entries[0] if listed and listed.entries else None
    if entry is None or path.rpartition("/")[2] != entry.name or entry.folder:
        raise Refused(PARAMETER, f"path {path[:200]!r} is no file of image store {state['name']}")
    if entry.object is None:
        raise Refused(
            PARAMETER,
            f"{path[:200]} is in no catalogue",
            hint="adopt the store, or fetch it from the store itself",
        )
    return await _linked(entry, state["id"], ask)


async def _linked(entry: StoreEntry, store_id: str, ask: Ask) -> Answer:
    assert entry.object is not None  # its caller saw to it
    call = replace(ask.call, principal=ask.principal, body=None)
    async with ask.desk.transaction() as tx:
        found = await ask.known(entry.object.noun, entry.object.id, "path", tx)
        link = await link_to(found, call, tx, ask.deps)
        now = tx.now
    question = MakeLink(
        link_id=link.id,
        object=link.object,
        account_id=found["account_id"],
        seconds=ceil((link.expires - now).total_seconds()),
        file_name=link.file_name,
        store_id=store_id,
    )
    await ask_owner(ask.desk, question, LinkMade)
    async with ask.desk.transaction() as tx:
        facts = {"link_id": link.id, "store_id": store_id}
        return await start(ask, tx, entry.object.noun, entry.object.id, **facts)


async def downloaded(job: Job, desk: Desk, deps: Deps) -> Mapping[str, Any]:
    """ExtractResponse, under the key that CloudStack has for it."""
    row = {**await linked(job, desk), "storagetype": job.noun}
    return {"downloadimagestoreobjectresponse": fitted(row, "ExtractResponse")}


COMMANDS = (
    Command(
        "listImageStoreObjects",
        list_objects,
        missing="what is in no catalogue is shown as the last comparison of the store found it",
    ),
    Command(
        "downloadImageStoreObject",
        download,
        result=downloaded,
        missing="files that are in no catalogue",
    ),
)
