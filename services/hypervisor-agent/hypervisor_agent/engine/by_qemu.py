"""Conversions left to qemu-img: from a local file to a local part, which is read back."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from stowage_contracts.errors import Conflict, InvalidInput
from stowage_contracts.plugins import RangedReader, StreamReader
from stowage_contracts.plugins.hypervisor import Conversion
from stowage_contracts.plugins.transport import ReadShape
from stowage_contracts.values import Digest, EndKind, Receipt

from hypervisor_agent.engine.full_read import FullRead
from hypervisor_agent.engine.local import path_of
from hypervisor_agent.engine.streams import Source
from hypervisor_agent.engine.terms import Stored
from hypervisor_agent.engine.together import both
from hypervisor_agent.transports.file_reader import FileReader

if TYPE_CHECKING:
    from hypervisor_agent.engine.hop import Hop


@dataclass(frozen=True)
class Files:
    """An accepted image and the part it becomes."""

    source: Path
    part: Path


async def path_in_place(hop: Hop, source: Source) -> Path | None:
    """Where an accepted source lies on this machine; None where it must be fetched."""
    if isinstance(source, StreamReader) or hop.order.source.kind is EndKind.URL or not hop.read:
        return None
    path = await path_of(hop.read, hop.tools.roots)
    if path is not None:
        await judge_source(hop, source)
    return path


async def judge_source(hop: Hop, source: RangedReader) -> None:
    """The gate's look at a source in place; raises ImageRefused."""
    assert hop.read is not None
    path = await path_of(hop.read, hop.tools.roots)
    await hop.judge(Stored(source.size, source.read_into, path))


async def verified(hop: Hop, file: RangedReader | None) -> Digest | None:
    """Read all of the source, where somebody said what its digest is; the declared one."""
    if file is None or not hop.vouched:
        return None
    found = await FullRead(file, hop.tools, lambda: False, hop.order.checksum).run()
    hop.verify(found)
    return found.declared


async def convert(hop: Hop, files: Files, source: RangedReader | None) -> Receipt:
    """``source`` is read beside, to be verified and to notice that it was written to."""
    hop.meter.phase = "converting"
    await hop.tools.threads.run(refuse_committed, files.part)
    job = Conversion(
        source=str(files.source),
        source_format=hop.order.source.format,
        destination=str(files.part),
        destination_format=hop.order.destination.format,
    )
    _, linear = await both(hop.tools.hypervisor.convert(job), verified(hop, source))
    if source is not None:
        await source.read_into(0, memoryview(bytearray(min(1, source.size))))
    await hop.tools.step("converted")
    receipt = await read_back(hop, files.part)
    return receipt.model_copy(update={"linear": linear})


async def read_back(hop: Hop, part: Path) -> Receipt:
    """The receipt of a part that somebody else wrote: hashed, judged, made durable."""
    hop.meter.phase = "verifying"
    reader = await FileReader.open(part, ReadShape(stall_seconds=hop.stall_seconds))
    try:
        found = await FullRead(reader, hop.tools, lambda: False, None).run()
        stored = Stored(reader.size, reader.read_into, part)
        verdict = await hop.judge(stored, hop.order.destination.format)
        await hop.tools.threads.run(_sync, part)
    finally:
        await reader.close()
    return Receipt(
        size=reader.size,
        digest=found.tree,
        part=part.name,
        bytes_read=reader.size,
        bytes_sent=reader.size,
        verdict=verdict,
    )


def no_file(hop: Hop) -> InvalidInput:
    """The error of a destination in which this format cannot be made."""
    return InvalidInput(
        "a format can only be changed on a file store",
        code="conversion",
        resource=str(hop.order.destination.object),
    )


def refuse_committed(part: Path) -> None:
    """Raises Conflict where a commit gave it its name: never touch it again."""
    if part.exists() and part.stat().st_nlink > 1:
        raise Conflict("the part is committed", resource=part.name, code="committed")


def _sync(part: Path) -> None:
    number = os.open(part, os.O_RDWR | os.O_NOFOLLOW)
    try:
        os.fsync(number)
    finally:
        os.close(number)
