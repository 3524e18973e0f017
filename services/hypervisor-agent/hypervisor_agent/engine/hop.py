"""One hop: redeem, open, copy on from the journal, verify, judge, make durable."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

from stowage_contracts.errors import ImageRefused
from stowage_contracts.grants import Grant
from stowage_contracts.messages.hypervisor_agent import ExecuteHop
from stowage_contracts.plugins import GrowingWriter, RangedWriter, StreamReader
from stowage_contracts.plugins.transport import WriteShape
from stowage_contracts.values import Digest, HopMethod, ImageFormat, Receipt, ServiceName, Verdict

from hypervisor_agent.engine import cloning, convert, native
from hypervisor_agent.engine.hashing import Copied
from hypervisor_agent.engine.incoming import check_length, open_incoming
from hypervisor_agent.engine.local import path_of
from hypervisor_agent.engine.loop import Bench, CopyLoop, Ends
from hypervisor_agent.engine.opening import length_unknown, open_source, transport_of
from hypervisor_agent.engine.progress import Meter
from hypervisor_agent.engine.promises import GrowingPromise
from hypervisor_agent.engine.stream_loop import StreamLoop
from hypervisor_agent.engine.streams import Source
from hypervisor_agent.engine.terms import Grants, Stored, Tools, stored_at
from hypervisor_agent.engine.unpacking import Unpacked
from hypervisor_agent.feeding.fed_reader import FedReader
from hypervisor_agent.feeding.feeds import Feed
from hypervisor_agent.feeding.opening import open_fed
from hypervisor_agent.formats.qcow2_reader import Qcow2Reader

EARLIER = 0.75
"""An agent notices a stall before data-motion does: it can go on from its journal, while a hop
that data-motion stops begins a new part."""


class Hop:
    """One attempt at an order; a later attempt goes on from what the destination journaled."""

    def __init__(self, order: ExecuteHop, grants: Grants, tools: Tools, meter: Meter) -> None:
        self.order, self.grants, self.tools, self.meter = order, grants, tools, meter
        self.loop: CopyLoop | StreamLoop | None = None
        self.read: Grant | None = None
        """The source's grant as it was last redeemed."""
        self._expected = order.digest
        self._abandoned = False
        self.stall_seconds = order.stall_seconds * EARLIER

    def abandon(self) -> None:
        """Nobody will go on: when it is stopped, it deletes what it wrote."""
        self._abandoned = True

    async def run(self) -> Receipt:
        """The receipt of durable, still invisible bytes. Raises StowageError."""
        self.meter.phase = "opening"
        if self.order.method is HopMethod.NATIVE:
            return await native.move(self)
        if self.order.method in cloning.METHODS:
            return await cloning.make(self)
        source = await self._incoming()
        try:
            self.meter.total = None if isinstance(source, StreamReader) else source.size
            self.meter.arriving = lambda: source.received
            if self.order.source.format is not self.order.destination.format:
                return await convert.move(self, source)
            grant = await self.grants.destination(self.meter.total)
            await self.tools.step("opened")
            return await self._move(source, grant)
        finally:
            await source.close()

    async def copy(self, source: Source, grant: Grant, writer: RangedWriter) -> Receipt:
        """Copy, verify and judge what is written under ``grant``, in the source's format."""
        self.meter.phase = "copying"
        async with self._offered(source, grant):
            copied, size = await self.copied(source, writer, self.order.checksum)
            await self.tools.step("copied")
            self.meter.phase = "verifying"
            self.verify(copied)
            part = await writer.finish()
            await self.tools.step("finished")
            verdict = await self.judge(await stored_at(writer, grant, size, self.tools.roots))
        await self._keep_leaves(copied, size)
        return Receipt(
            size=size,
            digest=copied.tree,
            linear=copied.declared,
            part=part,
            source_validator=source.validator,
            bytes_read=source.received,
            bytes_fed=source.fed if isinstance(source, FedReader) else 0,
            bytes_sent=writer.sent,
            verdict=verdict,
        )

    async def open_writer(self, source: Source, grant: Grant) -> RangedWriter:
        """The destination, resumable only for this very source."""
        grows = isinstance(source, StreamReader)
        shape = WriteShape(
            size=0 if isinstance(source, StreamReader) else source.size,
            grows=grows,
            stall_seconds=self.stall_seconds,
            source_validator=self._pin(source),
            sparse=self.order.source.format is ImageFormat.RAW or isinstance(source, Qcow2Reader),
        )
        writer = await transport_of(grant, self.tools.transports).open_writer(
            grant, shape, self.grants.parts
        )
        if grows and not isinstance(writer, GrowingWriter):
            await writer.close(keep=False)
            raise length_unknown(str(self.order.source.object))
        return writer

    async def copied(
        self, source: Source, writer: RangedWriter, checksum: Digest | None
    ) -> tuple[Copied, int]:
        """Digests and length of what was moved from one to the other."""
        tools = self.tools
        bench = Bench(tools.buffers, tools.threads, self.meter, tools.connections, tools.spool)
        if not isinstance(source, StreamReader):
            self.loop = CopyLoop(Ends(source, writer), bench, checksum)
            return await self.loop.run(), source.size
        assert isinstance(writer, GrowingWriter)
        order = self.order
        promise = GrowingPromise(self.grants, order.max_size, str(order.destination.object))
        self.loop = stream = StreamLoop(source, writer, bench, promise)
        unpacked = isinstance(source, Unpacked)
        copied = await stream.run(None if unpacked else checksum)
        check_length(stream.size, order)
        declared = source.declared if isinstance(source, Unpacked) else copied.declared
        return replace(copied, declared=declared), stream.size

    async def judge(
        self, stored: Stored | None, declared: ImageFormat | None = None
    ) -> Verdict | None:
        """The gate's verdict where it can read the destination; raises ImageRefused."""
        if stored is None:
            return None
        verdict = await self.tools.judge(stored, declared or self.order.source.format)
        if not verdict.accepted:
            raise refused(verdict, str(self.order.destination.object))
        await self.tools.step("judged")
        return verdict

    async def _move(self, source: Source, grant: Grant) -> Receipt:
        writer = await self.open_writer(source, grant)
        async with self.closing(writer):
            return await self.copy(source, grant, writer)

    @asynccontextmanager
    async def closing(self, writer: RangedWriter) -> AsyncIterator[None]:
        """Closes it at the end; deletes what it wrote when that was refused or abandoned."""
        refused = False
        try:
            yield
        except ImageRefused:
            refused = True
            raise
        finally:
            await writer.close(keep=not (refused or self._abandoned))

    async def _incoming(self) -> Source:
        """What peers have of it, where there are some; else the source itself."""
        fed = await open_fed(self)
        return fed or await open_incoming(self.open_source, self.order, self.tools)

    def _pin(self, source: Source) -> str:
        """Of which bytes a journal must tell: by their digest, where it is known, whoever they
        are read from."""
        order = self.order
        same = order.source.format is order.destination.format
        return (order.digest if same else None) or source.validator

    async def _keep_leaves(self, copied: Copied, size: int) -> None:
        """Of what lies on an image store: whoever reads it there may be fed by peers."""
        if self.tools.shelf and self.order.destination.grant.owner is ServiceName.IMAGE_STORE:
            await self.tools.shelf(self.order).keep(copied.tree, copied.leaves, size)

    @asynccontextmanager
    async def _offered(self, source: Source, grant: Grant) -> AsyncIterator[None]:
        """Meanwhile, and a while longer, other agents may read what has arrived."""
        digest, tools = self.order.digest, self.tools
        path = await path_of(grant, tools.roots)
        if digest is None or path is None or isinstance(source, StreamReader):
            yield
            return
        feed = Feed(digest, source.size, lambda: self.loop.done if self.loop else ())
        self.meter.settled = feed.wake
        async with tools.feeds.offered(self.order.hop_id, feed, path, tools.threads):
            yield

    async def open_source(self) -> Source:
        """The source under a grant just redeemed; raises what redeeming and opening raise."""
        redeemed = await self.grants.source()
        await self.tools.step("redeemed")
        self._expected, self.read = self._expected or redeemed.digest, redeemed.grant
        source, transports = self.order.source, self.tools.transports
        return await open_source(redeemed, source, self.stall_seconds, transports)

    @property
    def vouched(self) -> bool:
        """Whether somebody said what the source's digest is."""
        return bool(self._expected or self.order.checksum)

    def verify(self, copied: Copied) -> None:
        """Raises ImageRefused unless the source is what was said of it."""
        self._compare("digest", self._expected, copied.tree)
        self._compare("checksum", self.order.checksum, copied.declared)

    def _compare(self, what: str, expected: Digest | None, found: Digest | None) -> None:
        if expected is not None and expected != found:
            raise ImageRefused(
                f"the {what} is {found}, not {expected}",
                code=what,
                resource=str(self.order.source.object),
                hint="check the declared checksum, or fetch an undamaged image",
            )


def refused(verdict: Verdict, resource: str) -> ImageRefused:
    """The error for a refusing verdict, with its own code."""
    error = ImageRefused(
        verdict.reason, resource=resource, hint="offer an image that the gate accepts"
    )
    error.code = verdict.code
    return error
