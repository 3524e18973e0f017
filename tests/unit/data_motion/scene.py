"""Steps the tests share: agents that join, copies that are asked for, what is said of them."""

from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

from data_motion.deps import Deps
from stowage_contracts.message import Message
from stowage_contracts.messages.data_motion import CopyStarted
from stowage_contracts.messages.hypervisor_agent import ExecuteHop, Heartbeat
from stowage_contracts.plugins.data_motion_strategy import AgentView
from stowage_contracts.values import CopyEnd
from stowage_contracts.views import CopyView
from stowage_runtime.testing.bench import ServiceBench

from tests.unit.data_motion.build import asked, joined, made_visible, reported

M = TypeVar("M", bound=Message)


@dataclass
class Scene:
    """One data-motion, spoken to as its peers would."""

    bench: ServiceBench[Deps]

    async def join(self, *agents: AgentView, boot_id: str = "boot1") -> None:
        for agent in agents:
            await self.bench.handle(joined(agent, boot_id))

    async def ask(
        self,
        copy_id: str = "copy1",
        source: CopyEnd | None = None,
        destination: CopyEnd | None = None,
        **changes: object,
    ) -> list[Message]:
        return await self.bench.handle(asked(copy_id, source, destination, **changes))

    async def offer(self, copy_id: str = "copy1") -> ExecuteHop:
        """The newest offer of a copy's hops."""
        offers = await self.all(ExecuteHop)
        return next(o for o in reversed(offers) if o.copy_id == copy_id)

    async def finish(self, copy_id: str = "copy1") -> list[Message]:
        """The agent reports that all went well, and the owner commits."""
        offer = await self.offer(copy_id)
        first = await self.bench.handle(reported(offer))
        return first + await self.bench.handle(made_visible(offer))

    async def all(self, kind: type[M]) -> list[M]:
        return [said for said in await self.bench.said(kind) if isinstance(said, kind)]

    async def one(self, kind: type[M]) -> M:
        (said,) = await self.all(kind)
        return said

    async def view(self, copy_id: str = "copy1") -> CopyView:
        """The copy as its asker was last told."""
        said = await self.bench.said()
        views = [getattr(message, "state", None) for message in said]
        return next(v for v in reversed(views) if isinstance(v, CopyView) and v.id == copy_id)

    async def starts(self, copy_id: str = "copy1") -> list[CopyStarted]:
        return [said for said in await self.all(CopyStarted) if said.state.id == copy_id]

    async def pass_time(self, seconds: float, *alive: AgentView, step: float = 5) -> None:
        """Sweep every few seconds, as the timer would, while these agents send heartbeats."""
        while seconds > 0:
            await self.bench.pass_time(timedelta(seconds=min(step, seconds)))
            seconds -= step
            for agent in alive:
                await self.bench.hear(Heartbeat(host_id=agent.host_id, boot_id="boot1"))
            await self.bench.run_timers("sweep")
