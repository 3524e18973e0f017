"""The virtual disk within a qcow2 as a source: holes are known, nothing is unpacked twice."""

import asyncio
import zlib
from collections import OrderedDict
from collections.abc import Sequence

from stowage_contracts.errors import SourceRefused
from stowage_contracts.plugins import RangedReader

from hypervisor_agent.engine.threads import Threads
from hypervisor_agent.engine.zeros import ZEROS
from hypervisor_agent.formats.qcow2_entries import OFFSET, Piece, is_hole, merged, piece
from hypervisor_agent.gate.numbers import numbers
from hypervisor_agent.gate.qcow2_header import KNOWN_LENGTH, Header, parse

TABLES_BYTES = 4 << 20
"""Of L2 tables kept in memory."""
SPAN = 1 << 20
"""Most compressed bytes read at once."""
DIRTY = 1


class Qcow2Reader:
    """Made only of files the gate has accepted: it checks bounds, but judges nothing."""

    ranged = True

    def __init__(
        self, file: RangedReader, header: Header, l1: Sequence[int], threads: Threads
    ) -> None:
        self._file, self._header, self._l1, self._threads = file, header, l1, threads
        self.size, self.validator = header.virtual_size, file.validator
        self._covered = header.cluster * (header.cluster // 8)
        self._tables: OrderedDict[int, Sequence[int]] = OrderedDict()
        self._reading = asyncio.Lock()
        self._hole = range(0)

    @classmethod
    async def open(cls, file: RangedReader, threads: Threads) -> "Qcow2Reader":
        """Raises what reading raises. ``file`` stays the caller's to close."""
        header = await header_of(file)
        l1 = numbers(await _bytes(file, header.l1_offset, header.l1_entries * 8), 8, "big")
        return cls(file, header, l1, threads)

    @property
    def received(self) -> int:
        """Bytes of the file that were read."""
        return self._file.received

    async def next_data(self, offset: int) -> int:
        """By the tables."""
        if offset in self._hole:
            return self._hole.stop
        data = await self._seek(offset)
        self._hole = range(offset, data)
        return data

    async def read_into(self, offset: int, buffer: memoryview) -> None:
        """Fill ``buffer``; a broken cluster is SourceRefused."""
        pieces = await self._pieces(offset, len(buffer))
        packed = [item for item in pieces if item.packed]
        for item in merged([item for item in pieces if not item.packed]):
            await self._plain(item, offset, buffer)
        for group in _groups(packed):
            await self._unpack(group, offset, buffer)

    async def close(self) -> None:
        """The file is its owner's."""

    async def _seek(self, offset: int) -> int:
        while offset < self.size:
            index, within = divmod(offset, self._covered)
            if self._l1[index] & OFFSET:
                table = await self._table(index)
                for number in range(within // self._header.cluster, len(table)):
                    if not is_hole(table[number]):
                        found = index * self._covered + number * self._header.cluster
                        return max(offset, min(self.size, found))
            offset = (index + 1) * self._covered
        return self.size

    async def _table(self, index: int) -> Sequence[int]:
        async with self._reading:
            if index not in self._tables:
                place = self._l1[index] & OFFSET
                data = await _bytes(self._file, place, self._header.cluster)
                self._tables[index] = numbers(data, 8, "big")
                if len(self._tables) * self._header.cluster > TABLES_BYTES:
                    self._tables.popitem(last=False)
            self._tables.move_to_end(index)
            return self._tables[index]

    async def _pieces(self, offset: int, length: int) -> list[Piece]:
        cluster, found = self._header.cluster, []
        for start in range(offset // cluster * cluster, offset + length, cluster):
            index, within = divmod(start, self._covered)
            entry = 0
            if self._l1[index] & OFFSET:
                entry = (await self._table(index))[within // cluster]
            found.append(piece(entry, start, self._header))
        return found

    async def _plain(self, item: Piece, offset: int, buffer: memoryview) -> None:
        start = max(item.start, offset)
        end = min(item.start + item.length, offset + len(buffer))
        view = buffer[start - offset : end - offset]
        if item.place < 0:
            _fill_zeros(view)
            return
        place = item.place + start - item.start
        there = max(0, min(len(view), self._file.size - place))
        if there:
            await self._file.read_into(place, view[:there])
        _fill_zeros(view[there:])

    async def _unpack(self, group: list[Piece], offset: int, buffer: memoryview) -> None:
        place = group[0].place
        data = await _bytes(self._file, place, group[-1].place + group[-1].packed - place)
        await self._threads.run(self._inflate, group, memoryview(data), offset, buffer)

    def _inflate(
        self, group: list[Piece], data: memoryview, offset: int, buffer: memoryview
    ) -> None:
        for item in group:
            at = item.place - group[0].place
            plain = _inflated(data[at : at + item.packed], item.length)
            start, end = max(item.start, offset), item.start + item.length
            end = min(end, offset + len(buffer))
            buffer[start - offset : end - offset] = plain[start - item.start : end - item.start]


async def header_of(file: RangedReader) -> Header:
    """The header of a file the gate has accepted."""
    return parse(await _bytes(file, 0, KNOWN_LENGTH))


def readable(header: Header) -> bool:
    """Whether it has none of the features left to qemu (extended L2 entries, zstd)."""
    return not header.incompatible & ~DIRTY


def _groups(packed: list[Piece]) -> list[list[Piece]]:
    """Compressed clusters that lie close enough to be read together."""
    groups: list[list[Piece]] = []
    for item in sorted(packed, key=lambda item: item.place):
        if groups and item.place + item.packed - groups[-1][0].place <= SPAN:
            groups[-1].append(item)
        else:
            groups.append([item])
    return groups


def _inflated(data: memoryview, length: int) -> bytes:
    try:
        plain = zlib.decompressobj(-zlib.MAX_WBITS).decompress(data, length)
    except zlib.error:
        plain = b""
    if len(plain) != length:
        raise SourceRefused("a compressed cluster does not unpack", code="cluster")
    return plain


def _fill_zeros(view: memoryview) -> None:
    zeros = memoryview(ZEROS)
    for at in range(0, len(view), len(ZEROS)):
        part = view[at : at + len(ZEROS)]
        part[:] = zeros[: len(part)]


async def _bytes(file: RangedReader, offset: int, length: int) -> bytes:
    """What the file has of a range; zeros beyond its end, as qemu reads them."""
    data = bytearray(length)
    there = max(0, min(length, file.size - offset))
    if there:
        await file.read_into(offset, memoryview(data)[:there])
    return bytes(data)
