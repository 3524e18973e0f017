"""What a hop reads from: ranges, a stream, or what a compressed URL unpacks to."""

from collections.abc import Awaitable, Callable

from stowage_contracts.errors import SourceChanged
from stowage_contracts.messages.hypervisor_agent import ExecuteHop
from stowage_contracts.plugins import RangedReader, StreamReader
from stowage_contracts.values import EndKind

from hypervisor_agent.engine.opening import length_unknown, with_length
from hypervisor_agent.engine.promises import too_large
from hypervisor_agent.engine.source import RenewingReader
from hypervisor_agent.engine.streams import HEAD, Peeked, Source
from hypervisor_agent.engine.terms import Tools
from hypervisor_agent.engine.unpacking import Unpacked
from hypervisor_agent.gate.archives import Limits, compression_of, unpacker

MOST_BYTES = 1 << 43
"""Of what a compressed source may unpack to where nobody set a limit."""

Open = Callable[[], Awaitable[Source]]


async def open_incoming(reopen: Open, order: ExecuteHop, tools: Tools) -> Source:
    """``reopen`` redeems the grant again and opens what it names.

    Raises what it raises, ImageRefused (too large), SourceChanged (another length), SourceRefused
    (its end can't be told from a broken connection).
    """
    opened = await reopen()
    source: Source = opened
    if not isinstance(opened, StreamReader):
        source = _renewing(opened, reopen, order)
    try:
        if order.source.kind is EndKind.URL:
            source = await _plain(source, order, tools)
        check(source, order)
    except BaseException:
        await source.close()
        raise
    return source


def check(source: Source, order: ExecuteHop) -> None:
    """Whether a source may be begun at all."""
    name = str(order.source.object)
    if not isinstance(source, StreamReader):
        check_length(source.size, order)
    elif not (source.framed or order.checksum or order.size is not None):
        raise length_unknown(name)


def check_length(size: int, order: ExecuteHop) -> None:
    """Raises ImageRefused, SourceChanged."""
    name = str(order.source.object)
    if order.max_size is not None and size > order.max_size:
        raise too_large(size, order.max_size, name)
    if order.size is not None and size != order.size:
        raise SourceChanged(f"{size} bytes instead of {order.size}", resource=name)


def _renewing(opened: RangedReader, reopen: Open, order: ExecuteHop) -> RenewingReader:
    async def again() -> RangedReader:
        return with_length(await reopen(), str(order.source.object))

    return RenewingReader(opened, again)


async def _plain(source: Source, order: ExecuteHop, tools: Tools) -> Source:
    """The source itself, or what it unpacks to."""
    if isinstance(source, StreamReader):
        source = peeked = await Peeked.open(source)
        head = peeked.head
    else:
        head = await _head(source)
    kind = compression_of(head)
    if not kind:
        return source
    limits = Limits(max_bytes=order.max_size or MOST_BYTES)
    return Unpacked(source, unpacker(kind, limits), tools.threads, order.checksum)


async def _head(source: RangedReader) -> bytes:
    head = bytearray(min(HEAD, source.size))
    if head:
        await source.read_into(0, memoryview(head))
    return bytes(head)
