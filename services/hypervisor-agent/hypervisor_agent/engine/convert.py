"""A hop that changes the format: fetched, judged and converted beside its destination."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import SecretStr
from stowage_contracts.errors import InvalidInput
from stowage_contracts.grants import Grant
from stowage_contracts.plugins.hypervisor import Conversion
from stowage_contracts.plugins.transport import ReadShape
from stowage_contracts.values import TREE_LEAF, Receipt

from hypervisor_agent.engine.digest import TreeDigest, leaves
from hypervisor_agent.engine.local import path_of
from hypervisor_agent.engine.streams import Source
from hypervisor_agent.engine.terms import Stored
from hypervisor_agent.transports.file_reader import FileReader
from hypervisor_agent.transports.journal import drop

if TYPE_CHECKING:
    from hypervisor_agent.engine.hop import Hop


async def move(hop: Hop, source: Source) -> Receipt:
    """Fetch to ``<part>.src.part``, convert to the part, and read that back for its digest."""
    grant = await hop.grants.destination(None)
    part = await path_of(grant, hop.tools.roots)
    if part is None:
        raise InvalidInput(
            "a format can only be changed on a file store",
            code="conversion",
            resource=str(hop.order.destination.object),
        )
    raw = part.with_name(f"{part.name.removesuffix('.part')}.src.part")
    fetched = await _fetch(hop, source, grant, raw)
    hop.meter.phase = "converting"
    await hop.tools.hypervisor.convert(
        Conversion(
            source=str(raw),
            source_format=hop.order.source.format,
            destination=str(part),
            destination_format=hop.order.destination.format,
        )
    )
    await hop.tools.step("converted")
    receipt = await _read_back(hop, part, fetched)
    await hop.tools.threads.run(drop, raw)
    return receipt


async def _fetch(hop: Hop, source: Source, grant: Grant, raw: Path) -> Receipt:
    beside = grant.model_copy(update={"uri": SecretStr(raw.as_uri())})
    writer = await hop.open_writer(source, beside)
    async with hop.closing(writer):
        return await hop.copy(source, beside, writer)


async def _read_back(hop: Hop, part: Path, fetched: Receipt) -> Receipt:
    hop.meter.phase = "verifying"
    shape = ReadShape(stall_seconds=hop.stall_seconds)
    reader = await FileReader.open(part, shape)
    try:
        digest = await _tree(hop, reader)
        stored = Stored(reader.size, reader.read_into, part)
        verdict = await hop.judge(stored, hop.order.destination.format)
        await hop.tools.threads.run(_sync, part)
    finally:
        await reader.close()
    update = {"size": reader.size, "digest": digest, "part": part.name, "verdict": verdict}
    return fetched.model_copy(update=update)


async def _tree(hop: Hop, reader: FileReader) -> str:
    tree = TreeDigest()
    async with hop.tools.buffers.lend(TREE_LEAF) as buffer:
        for at in range(0, reader.size, TREE_LEAF):
            view = buffer[: min(TREE_LEAF, reader.size - at)]
            await reader.read_into(at, view)
            tree.put(at, len(view), await hop.tools.threads.run(leaves, view))
    return tree.result(reader.size)


def _sync(part: Path) -> None:
    number = os.open(part, os.O_RDWR | os.O_NOFOLLOW)
    try:
        os.fsync(number)
    finally:
        os.close(number)
