"""What every Transport must do. Subclass it and give ``transport``, ``source`` and ``sink``::

class TestAcme(TransportSuite):
    @pytest.fixture
    def transport(self): return AcmeTransport(TransportSettings())

    @pytest.fixture
    def source(self): return AcmeSource()   # see Source

    @pytest.fixture
    def sink(self): return AcmeSink()       # see Sink
"""

import asyncio
from typing import Protocol

import pytest

from stowage_contracts.grants import Grant
from stowage_contracts.plugins.transport import (
    GrowingWriter,
    PartSource,
    RangedReader,
    RangedWriter,
    ReadShape,
    StreamReader,
    Transport,
    WriteShape,
)
from stowage_contracts.testing.store_hand import bytes_of
from stowage_contracts.values import TREE_LEAF, Range

VALIDATOR = '"the-source"'


class Source(Protocol):
    """Where the suite puts what is to be read."""

    async def put(self, data: bytes) -> Grant:
        """A read grant of these bytes."""
        ...


class Sink(Protocol):
    """What the suite writes to."""

    async def grant(self, size: int | None) -> Grant:
        """A write grant, of unknown length for None; asked again for the same size it finds what
        was written."""
        ...

    @property
    def parts(self) -> PartSource:
        """URLs of the parts of that grant."""
        ...

    async def content(self, size: int) -> bytes:
        """The finished bytes, after a commit where one is needed."""
        ...


@pytest.mark.asyncio
class TransportSuite:
    """Every behaviour a transport promises."""

    # --- reading

    async def test_a_source_tells_its_size_and_is_read_from_its_start(
        self, transport: Transport, source: Source
    ) -> None:
        data = bytes_of(TREE_LEAF + 77)
        reader = await _reader(transport, await source.put(data))
        assert reader.size == len(data)
        assert await _read(reader, 0, len(data)) == data
        assert reader.received >= len(data)
        await reader.close()

    async def test_ranges_are_read_in_any_order_and_at_once(
        self, transport: Transport, source: Source
    ) -> None:
        data = bytes_of(3 * TREE_LEAF + 5)
        reader = await _reader(transport, await source.put(data))
        if not reader.ranged:
            pytest.skip("this source is one stream")
        wanted = [(3 * TREE_LEAF, 5), (0, 1), (TREE_LEAF - 1, TREE_LEAF), (7, 1000)]
        found = await asyncio.gather(*(_read(reader, at, length) for at, length in wanted))
        assert found == [data[at : at + length] for at, length in wanted]
        await reader.close()

    async def test_a_hole_is_never_seen_where_there_is_data(
        self, transport: Transport, source: Source
    ) -> None:
        data = bytes(2 * TREE_LEAF) + bytes_of(TREE_LEAF) + bytes(TREE_LEAF)
        reader = await _reader(transport, await source.put(data))
        for offset in (0, TREE_LEAF, 2 * TREE_LEAF, 3 * TREE_LEAF - 1):
            assert offset <= await reader.next_data(offset)
            assert await reader.next_data(offset) <= max(offset, 2 * TREE_LEAF)
        assert await reader.next_data(len(data)) == len(data)
        await reader.close()

    async def test_closing_a_reader_twice_is_no_error(
        self, transport: Transport, source: Source
    ) -> None:
        reader = await _reader(transport, await source.put(b"x"))
        await reader.close()
        await reader.close()

    # --- writing

    async def test_parts_written_in_any_order_are_the_object(
        self, transport: Transport, sink: Sink
    ) -> None:
        writer = await _open(transport, sink, size := await _some_size(transport, sink))
        data = bytes_of(size)
        await asyncio.gather(*(_write(writer, data, at) for at in reversed(_parts(writer, size))))
        await writer.finish()
        await writer.close()
        assert writer.sent == size
        assert await sink.content(size) == data

    async def test_parts_are_whole_leaves(self, transport: Transport, sink: Sink) -> None:
        writer = await _open(transport, sink, TREE_LEAF)
        assert writer.part_size > 0
        assert writer.part_size % TREE_LEAF == 0
        await writer.close()

    async def test_zeros_read_as_zeros(self, transport: Transport, sink: Sink) -> None:
        size = await _some_size(transport, sink)
        writer = await _open(transport, sink, size)
        data = bytearray(bytes_of(size))
        data[: writer.part_size] = bytes(writer.part_size)
        await writer.zero(Range(offset=0, length=writer.part_size))
        for at in _parts(writer, size)[1:]:
            await _write(writer, bytes(data), at)
        await writer.finish()
        await writer.close()
        assert await sink.content(size) == bytes(data)

    async def test_a_new_destination_has_no_journal(self, transport: Transport, sink: Sink) -> None:
        writer = await _open(transport, sink, TREE_LEAF)
        assert await writer.journal() == ()
        await writer.close()

    async def test_the_next_writer_finds_what_was_written(
        self, transport: Transport, sink: Sink
    ) -> None:
        size = await _some_size(transport, sink)
        data = bytes_of(size)
        writer = await _open(transport, sink, size)
        part = writer.part_size
        await _write(writer, data, 0)
        await writer.close()
        after = await _open(transport, sink, size)
        assert await after.journal() == (Range(offset=0, length=part),)
        await _check_kept(after, data[:part])
        for at in _parts(after, size)[1:]:
            await _write(after, data, at)
        await after.finish()
        await after.close()
        assert after.sent == size - part
        assert await sink.content(size) == data

    @pytest.mark.parametrize("short", [0, 4321])
    async def test_a_length_told_last_is_the_object_s(
        self, transport: Transport, sink: Sink, short: int
    ) -> None:
        writer = await _open(transport, sink, TREE_LEAF)
        await writer.close(keep=False)
        if not isinstance(writer, GrowingWriter):
            pytest.skip("it needs to know the length first")
        shape = WriteShape(size=0, grows=True)
        growing = await transport.open_writer(await sink.grant(None), shape, sink.parts)
        assert isinstance(growing, GrowingWriter)
        first, second = growing.part_at(0), growing.part_at(growing.part_at(0))
        assert first % TREE_LEAF == second % TREE_LEAF == 0
        data = bytes_of(first + short) if short else bytes_of(first) + bytes(second)
        await growing.write(0, memoryview(bytearray(data[:first])))
        await growing.ends(len(data))
        if short:
            await growing.write(first, memoryview(bytearray(data[first:])))
        else:
            await growing.zero(Range(offset=first, length=second))
        await growing.finish()
        await growing.close()
        assert await sink.content(len(data)) == data

    async def test_closing_a_writer_twice_is_no_error(
        self, transport: Transport, sink: Sink
    ) -> None:
        writer = await _open(transport, sink, TREE_LEAF)
        await writer.close()
        await writer.close()


async def _reader(transport: Transport, grant: Grant) -> RangedReader:
    reader = await transport.open_reader(grant, ReadShape())
    assert not isinstance(reader, StreamReader), "what a store holds has a length"
    return reader


async def _read(reader: RangedReader, offset: int, length: int) -> bytes:
    buffer = bytearray(length)
    await reader.read_into(offset, memoryview(buffer))
    return bytes(buffer)


async def _open(transport: Transport, sink: Sink, size: int) -> RangedWriter:
    shape = WriteShape(size=size, source_validator=VALIDATOR)
    return await transport.open_writer(await sink.grant(size), shape, sink.parts)


async def _some_size(transport: Transport, sink: Sink) -> int:
    """Two whole parts and a short one."""
    writer = await _open(transport, sink, TREE_LEAF)
    await writer.close(keep=False)
    return 2 * writer.part_size + 4321


def _parts(writer: RangedWriter, size: int) -> list[int]:
    return list(range(0, size, writer.part_size))


async def _write(writer: RangedWriter, data: bytes, at: int) -> None:
    part = bytearray(data[at : at + writer.part_size])
    await writer.write(at, memoryview(part))


async def _check_kept(writer: RangedWriter, data: bytes) -> None:
    buffer = bytearray(len(data))
    if await writer.recall(0, memoryview(buffer)):
        assert bytes(buffer) == data
        return
    assert await writer.holds(0, memoryview(bytearray(data)))
    other = bytearray(data)
    other[0] ^= 1
    assert not await writer.holds(0, memoryview(other))
