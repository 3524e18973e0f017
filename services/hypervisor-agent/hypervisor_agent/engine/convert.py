"""A hop that changes the format, by the way that copies least."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import SecretStr
from stowage_contracts.grants import Grant
from stowage_contracts.plugins import GrowingWriter, RangedReader, RangedWriter, StreamReader
from stowage_contracts.plugins.transport import ReadShape, WriteShape
from stowage_contracts.values import EndKind, ImageFormat, Receipt

from hypervisor_agent.engine import by_qemu
from hypervisor_agent.engine.local import path_of, scheme_of
from hypervisor_agent.engine.opening import transport_of
from hypervisor_agent.engine.promises import GrowingPromise
from hypervisor_agent.engine.streams import Source
from hypervisor_agent.engine.terms import Fill, Stored, stored_at
from hypervisor_agent.engine.together import both
from hypervisor_agent.formats.qcow2_reader import Qcow2Reader, header_of, readable
from hypervisor_agent.formats.qcow2_writer import Qcow2Writer
from hypervisor_agent.transports.file_reader import FileReader
from hypervisor_agent.transports.journal import drop

if TYPE_CHECKING:
    from hypervisor_agent.engine.hop import Hop


@dataclass(frozen=True)
class Disk:
    """A qcow2 that the gate has accepted."""

    file: RangedReader
    whole: RangedReader | None = None
    """The file again, where its digest is still to be compared."""


AT_HAND = {"file", "nfs"}
"""Schemes of sources that may be read twice, and out of order."""


async def move(hop: Hop, source: Source) -> Receipt:
    """Receipt of the converted image. Raises InvalidInput, ImageRefused, and what copying does.

    Raw becomes qcow2 on its way, whatever it comes from. A qcow2 is read in place where it is at
    hand; what comes by HTTP is fetched first, for the gate judges stored bytes and a digest is
    over bytes in order. Every other format is left to qemu-img, from file to file.
    """
    ends = hop.order.source.format, hop.order.destination.format
    if ends == (ImageFormat.RAW, ImageFormat.QCOW2):
        return await _to_qcow2(hop, source)
    disk = await _disk_in_place(hop, source)
    if disk is not None:
        return await _from_disk(hop, disk)
    return await _by_file(hop, source)


async def _to_qcow2(hop: Hop, source: Source) -> Receipt:
    grant = await hop.grants.destination(None)
    writer = await _qcow2(hop, grant)
    async with hop.closing(writer):
        hop.meter.phase = "copying"
        copied, size = await hop.copied(source, writer, hop.order.checksum)
        await hop.tools.step("copied")
        hop.meter.phase = "verifying"
        hop.verify(copied)
        await hop.judge(Stored(size, _reading(writer)))
        part = await writer.finish()
        await hop.tools.step("converted")
        path = await path_of(grant, hop.tools.roots)
        stored = Stored(writer.length, _reading(writer.file), path)
        return Receipt(
            size=writer.length,
            digest=writer.digest,
            linear=copied.declared,
            part=part,
            source_validator=source.validator,
            bytes_read=source.received,
            bytes_sent=writer.sent,
            verdict=await hop.judge(stored, ImageFormat.QCOW2),
        )


async def _qcow2(hop: Hop, grant: Grant) -> Qcow2Writer:
    """Onto what the grant names, a part file somewhere."""
    if grant.session:
        raise by_qemu.no_file(hop)
    tools = hop.tools
    shape = WriteShape(size=0, grows=True, stall_seconds=hop.stall_seconds, sparse=True)
    file = await transport_of(grant, tools.transports).open_writer(grant, shape, hop.grants.parts)
    if not isinstance(file, GrowingWriter):
        await file.close(keep=False)
        raise by_qemu.no_file(hop)
    promise = GrowingPromise(hop.grants, None, str(hop.order.destination.object))
    return Qcow2Writer(file, promise, tools.threads)


async def _disk_in_place(hop: Hop, source: Source) -> Disk | None:
    """The source, where it is a qcow2 that we can read where it lies."""
    order = hop.order
    if isinstance(source, StreamReader) or order.source.kind is EndKind.URL:
        return None
    if (order.source.format, order.destination.format) != (ImageFormat.QCOW2, ImageFormat.RAW):
        return None
    scheme = scheme_of(hop.read) if hop.read else ""
    can_be_fetched = "file" in order.destination.schemes
    if scheme not in AT_HAND and (can_be_fetched or not source.validator):
        return None
    await by_qemu.judge_source(hop, source)
    return Disk(source, whole=source) if readable(await header_of(source)) else None


async def _from_disk(hop: Hop, disk: Disk) -> Receipt:
    """The disk in a file that the gate has accepted, with the digest of that file beside it."""
    reader = await Qcow2Reader.open(disk.file, hop.tools.threads)
    hop.meter.total = reader.size
    grant = await hop.grants.destination(reader.size)
    writer = await hop.open_writer(reader, grant)
    async with hop.closing(writer):
        hop.meter.phase = "copying"
        receipt, linear = await both(
            _copied(hop, reader, writer, grant), by_qemu.verified(hop, disk.whole)
        )
    return receipt.model_copy(update={"linear": linear})


async def _copied(hop: Hop, reader: Qcow2Reader, writer: RangedWriter, grant: Grant) -> Receipt:
    copied, size = await hop.copied(reader, writer, None)
    await hop.tools.step("copied")
    part = await writer.finish()
    await hop.tools.step("converted")
    stored = await stored_at(writer, grant, size, hop.tools.roots)
    return Receipt(
        size=size,
        digest=copied.tree,
        part=part,
        source_validator=reader.validator,
        bytes_read=reader.received,
        bytes_sent=writer.sent,
        verdict=await hop.judge(stored, hop.order.destination.format),
    )


async def _by_file(hop: Hop, source: Source) -> Receipt:
    """From a local file, which is fetched where there is none."""
    grant = await hop.grants.destination(None)
    part = await path_of(grant, hop.tools.roots)
    if part is None:
        raise by_qemu.no_file(hop)
    path = await by_qemu.path_in_place(hop, source)
    if path is not None:
        assert not isinstance(source, StreamReader)
        return await by_qemu.convert(hop, by_qemu.Files(path, part), source)
    fetched = part.with_name(f"{part.name.removesuffix('.part')}.src.part")
    receipt = await _fetch(hop, source, grant, fetched)
    converted = await _from_fetched(hop, by_qemu.Files(fetched, part))
    await hop.tools.threads.run(drop, fetched)
    update = {"bytes_read": receipt.bytes_read, "linear": receipt.linear}
    return converted.model_copy(update=update)


async def _fetch(hop: Hop, source: Source, grant: Grant, path: Path) -> Receipt:
    beside = grant.model_copy(update={"uri": SecretStr(path.as_uri())})
    writer = await hop.open_writer(source, beside)
    async with hop.closing(writer):
        return await hop.copy(source, beside, writer)


async def _from_fetched(hop: Hop, files: by_qemu.Files) -> Receipt:
    """What was fetched has been verified and judged."""
    reader = await FileReader.open(files.source, ReadShape(stall_seconds=hop.stall_seconds))
    try:
        ends = hop.order.source.format, hop.order.destination.format
        ours = ends == (ImageFormat.QCOW2, ImageFormat.RAW)
        if ours and readable(await header_of(reader)):
            return await _from_disk(hop, Disk(reader))
        return await by_qemu.convert(hop, files, None)
    finally:
        await reader.close()


def _reading(writer: RangedWriter) -> Fill:
    async def fill(offset: int, buffer: memoryview) -> None:
        await writer.recall(offset, buffer)

    return fill
