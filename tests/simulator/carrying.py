"""One hop at an agent in the simulator: a copy loop that can die, freeze or yield at any range."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from stowage_contracts.errors import (
    Conflict,
    ImageRefused,
    NotFound,
    Problem,
    StowageError,
    Unavailable,
)
from stowage_contracts.messages.hypervisor_agent import ExecuteHop, HopFinished, HopYielded
from stowage_contracts.messages.image_store import GrantRedeemed, RedeemGrant
from stowage_contracts.plugins.image_store_driver import ReadAsk, WriteAsk
from stowage_contracts.values import CopyEnd, ImageFormat, Range, Receipt, ServiceName, Verdict

from tests.simulator.bus import Letter
from tests.simulator.kernel import Pause, Process
from tests.simulator.stores import RANGE, SimStore, Stored, Write, digest_of

if TYPE_CHECKING:
    from tests.simulator.agents import Agent

LANES = 2
"""Ranges in flight at once."""
BEHIND = 4
"""Ranges of a file that may be written and not yet journaled."""
ASK_PAUSES = (0.5, 2.0, 5.0)
GOOD = Verdict(accepted=True, format=ImageFormat.QCOW2, gate_version=1)


@dataclass(eq=False)
class Running:
    """A hop under way at an agent."""

    order: ExecuteHop
    process: Process | None = None
    write: Write | None = None
    phase: str = "waiting"
    yields: bool = False
    """It is to stop at the edge of the ranges in flight."""


class _Yielded(Exception):
    """It stopped where its journal is."""


@dataclass(eq=False)
class Carrier:
    """Moves one hop for its agent."""

    agent: Agent
    running: Running

    async def run(self) -> None:
        """Move it, and report."""
        running, order = self.running, self.running.order
        error: Problem | None = None
        receipt: Receipt | None = None
        try:
            receipt = await self._move()
        except StowageError as failure:
            error = failure.problem
        except _Yielded:
            await self._yield()
            return
        report = HopFinished(
            host_id=self.agent.host_id,
            hop_id=order.hop_id,
            copy_id=order.copy_id,
            epoch=order.epoch,
            receipt=receipt,
            error=error,
        )
        self.agent.reports[order.hop_id] = report
        if self.agent.running.get(order.hop_id) is running:
            del self.agent.running[order.hop_id]
        await self.agent.say(report)

    async def _yield(self) -> None:
        running, order = self.running, self.running.order
        if self.agent.running.get(order.hop_id) is running:
            del self.agent.running[order.hop_id]
        done = sorted(running.write.journal) if running.write else []
        await self.agent.say(
            HopYielded(
                host_id=self.agent.host_id,
                hop_id=order.hop_id,
                copy_id=order.copy_id,
                epoch=order.epoch,
                journaled=ranges_of(done),
            )
        )

    async def _move(self) -> Receipt:
        running, order = self.running, self.running.order
        redeemed = await self._redeem(order, order.source)
        source = self.agent.stores[order.source.store_id or ""]
        running.write = write = await self._open(order)
        target = self.agent.stores[order.destination.store_id or ""]
        running.phase = "copying"
        patience = order.stall_seconds * 0.75
        left = [index for index in range(self.agent.ranges) if index not in write.journal]
        while left:
            if running.yields:
                write.journal |= set(write.content)
                raise _Yielded
            batch, left = left[:LANES], left[LANES:]
            for index in batch:
                token = await source.read(order.source.key, index, patience)
                await target.put(write, index, token, patience)
                self._count(order, target, index)
            behind = len(write.content) - len(write.journal)
            if not target.multipart and (behind > BEHIND - LANES or self.agent.kernel.chance(0.4)):
                write.journal |= set(write.content)  # synced, then noted in the sidecar
        running.phase = "verifying"
        return self._verified(order, redeemed, write, target)

    def _count(self, order: ExecuteHop, target: SimStore, index: int) -> None:
        """What the holder of the lease sends; a zombie's bytes are nobody's fault."""
        hop = self.agent.known_hops().get(order.hop_id)
        if hop is not None and hop.epoch == order.epoch:
            name = (order.hop_id, index)
            target.sent[name] = target.sent.get(name, 0) + 1

    def _verified(
        self, order: ExecuteHop, redeemed: GrantRedeemed, write: Write, target: SimStore
    ) -> Receipt:
        found, wanted = digest_of(write.content), order.digest or redeemed.digest
        lied = target.multipart and len(write.content) < self.agent.ranges
        if not lied and found != wanted:
            target.drop((write.key, write.writer, write.session))
            target.refused[order.hop_id] += 1
            raise ImageRefused(f"the digest is {found}", code="digest")
        write.journal |= set(write.content)
        return Receipt(
            size=self.agent.ranges * RANGE,
            digest=wanted or found,
            part=write.writer,
            source_validator=f"{self.agent.host_id}/{order.epoch}",
            verdict=GOOD,
        )

    async def _open(self, order: ExecuteHop) -> Write:
        end, writer = order.destination, f"{order.hop_id}.{order.generation}"
        store = self.agent.stores[end.store_id or ""]
        if end.grant.owner is ServiceName.HYPERVISOR_AGENT:
            ask = WriteAsk(key=end.key, writer=writer, size=order.size, seconds=60)
            session = (await store.grant(ask)).session
        else:
            session = (await self._redeem(order, end, order.size)).grant.session
        found = store.writes.get((end.key, writer, session))
        if found is not None:
            return found
        held = store.objects.get(end.key)
        if held is None or held.writer != writer:
            raise NotFound("the write is gone", resource=end.key)
        if not store.multipart:
            raise Conflict("the part is committed", resource=end.key, code="committed")
        return _whole(end.key, writer, held)

    async def _redeem(
        self, order: ExecuteHop, end: CopyEnd, size: int | None = None
    ) -> GrantRedeemed:
        if end.grant.owner is ServiceName.HYPERVISOR_AGENT:
            grant = await self.agent.stores[end.store_id or ""].grant(
                ReadAsk(key=end.key, seconds=60)
            )
            return GrantRedeemed(grant_id=end.grant.id, grant=grant)
        ask = RedeemGrant(grant_id=end.grant.id, ticket=order.ticket, size=size)
        letter = Letter("", f"agent/{self.agent.host_id}", ask, end.grant.owner.value)
        for pause in ASK_PAUSES:
            try:
                return await self._ask(letter)
            except Unavailable:
                await Pause(pause)
        return await self._ask(letter)

    async def _ask(self, letter: Letter) -> GrantRedeemed:
        reply = await self.agent.bus.request(letter, 10.0)
        assert isinstance(reply, GrantRedeemed)
        return reply


def ranges_of(indices: list[int]) -> tuple[Range, ...]:
    """As a report tells them."""
    return tuple(Range(offset=index * RANGE, length=RANGE) for index in indices)


def _whole(key: str, writer: str, held: Stored) -> Write:
    """A write that was committed already: nothing is left to do."""
    return Write(key, writer, "", held.content, set(held.content), gone=True)
