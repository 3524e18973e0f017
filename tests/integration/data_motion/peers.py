"""Who data-motion talks to, as small clients of the real bus: agents, and an owner of grants."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from stowage_contracts.envelope import Envelope
from stowage_contracts.message import Message
from stowage_contracts.messages.data_motion import (
    CommitHop,
    CopyCancelled,
    CopyCompleted,
    CopyFailed,
    HopCommitted,
)
from stowage_contracts.messages.hypervisor_agent import CancelHop, ExecuteHop, Heartbeat, ListHops
from stowage_contracts.messages.image_store import ReleaseGrants
from stowage_contracts.plugins.data_motion_strategy import AgentView
from stowage_runtime.bus import Bus, Reader

from tests.unit.data_motion.build import joined, moved, reported

Behave = Callable[["Agent", ExecuteHop], Awaitable[None]]


@dataclass
class Agent:
    """Takes offers from its queue and does with them what the test says."""

    bus: Bus
    view: AgentView
    behave: Behave
    heard: list[Message] = field(default_factory=list)
    tasks: set[asyncio.Task[None]] = field(default_factory=set)
    busy: int = 0
    most_busy: int = 0

    async def start(self) -> "Agent":
        reader = Reader(f"agent.{self.view.host_id}", (ExecuteHop, CommitHop, CancelHop, ListHops))
        await self.bus.listen(reader, self._take)
        await self.say(joined(self.view))
        self._go(self._beat())
        return self

    async def say(self, message: Message) -> None:
        await self.bus.send(Envelope.of(message, source=f"agent/{self.view.host_id}"))

    async def progress(self, offer: ExecuteHop, done: int) -> None:
        source = f"agent/{self.view.host_id}"
        await self.bus.signal(Envelope.of(moved(offer, done), source=source))

    async def die(self) -> None:
        """Everything stops at once, in the middle of whatever it was."""
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        await self.bus.close()

    def offers(self) -> list[ExecuteHop]:
        return [message for message in self.heard if isinstance(message, ExecuteHop)]

    async def _take(self, envelope: Envelope) -> None:
        message = envelope.message()
        self.heard.append(message)
        if isinstance(message, ExecuteHop):
            self._go(self._counted(message))
        elif isinstance(message, CommitHop):
            await self.say(committed(message))

    async def _counted(self, offer: ExecuteHop) -> None:
        self.busy += 1
        self.most_busy = max(self.busy, self.most_busy)
        await self.behave(self, offer)
        self.busy -= 1

    async def _beat(self) -> None:
        while True:
            beat = Heartbeat(host_id=self.view.host_id, boot_id="boot1")
            await self.bus.signal(Envelope.of(beat, source=f"agent/{self.view.host_id}"))
            await asyncio.sleep(1)

    def _go(self, work: Awaitable[None]) -> None:
        self.tasks.add(asyncio.ensure_future(work))


async def work(agent: Agent, offer: ExecuteHop) -> None:
    """Move everything at once."""
    await agent.progress(offer, 1 << 20)
    await agent.say(reported(offer))


async def stay(agent: Agent, offer: ExecuteHop) -> None:
    """Take the hop up and never end it."""
    done = 0
    while True:
        done += 1 << 16
        await agent.progress(offer, done)
        await asyncio.sleep(0.5)


def committed(command: CommitHop) -> HopCommitted:
    return HopCommitted(
        hop_id=command.hop_id,
        copy_id=command.copy_id,
        epoch=command.epoch,
        digest=command.receipt.digest,
    )


@dataclass
class Owner:
    """Stands where image-store does: asks for copies, commits, and hears how they end."""

    bus: Bus
    heard: list[Message] = field(default_factory=list)

    ENDS = (CopyCompleted, CopyFailed, CopyCancelled)

    @property
    def reader(self) -> Reader:
        return Reader("image-store", (CommitHop, ReleaseGrants, *self.ENDS))

    async def start(self) -> "Owner":
        await self.bus.listen(self.reader, self._take)
        return self

    async def say(self, message: Message, to: str = "") -> None:
        await self.bus.send(Envelope.of(message, source="image-store"), to=to)

    def ended(self) -> dict[str, str]:
        """How each copy ended: its id and the name of the event."""
        ends = [message for message in self.heard if isinstance(message, self.ENDS)]
        return {end.state.id: type(end).__name__ for end in ends}

    async def _take(self, envelope: Envelope) -> None:
        message = envelope.message()
        self.heard.append(message)
        if isinstance(message, CommitHop):
            await self.say(committed(message))
