"""Agents in the simulator: the real fencing rule around a copy loop that can die at any range."""

from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from hypervisor_agent.fencing import Begun, Epochs, Order
from stowage_contracts.errors import Conflict, NotFound, StowageError, Unavailable
from stowage_contracts.hosts import HostAbilities
from stowage_contracts.message import Message
from stowage_contracts.messages.data_motion import CommitHop, HopCommitFailed, HopCommitted
from stowage_contracts.messages.hypervisor_agent import (
    CancelHop,
    ExecuteHop,
    Heartbeat,
    HopFinished,
    HopProgressed,
    HostJoined,
    ListHops,
    SteerHop,
)
from stowage_contracts.plugins.image_store_driver import CommitAsk
from stowage_contracts.values import Location, ServiceName, Transfer

from tests.simulator.bus import Bus, Letter
from tests.simulator.carrying import Carrier, Running, ranges_of
from tests.simulator.kernel import Kernel, Node, Pause, Process
from tests.simulator.stores import RANGE, SimStore

BEAT_SECONDS = 5.0
PROGRESS_SECONDS = 2.0


@dataclass(frozen=True)
class _Reads:
    """What an agent listens to, for the bus."""

    handlers: Mapping[type[Message], Any]
    signals: Mapping[type[Message], Any] = field(default_factory=dict)


@dataclass(eq=False)
class Agent:
    """One host's agent; killed, it forgets everything and comes back with another boot id."""

    host_id: str
    location: Location
    abilities: HostAbilities
    kernel: Kernel
    bus: Bus
    stores: Mapping[str, SimStore]
    ranges: int
    """Ranges of every image in this world."""
    known_hops: Callable[[], Mapping[str, Any]]
    """data-motion's hops, to tell who holds a lease."""
    node: Node = field(init=False)
    epochs: Epochs = field(default_factory=Epochs)
    begun: Begun = field(default_factory=Begun)
    running: dict[str, Running] = field(default_factory=dict)
    reports: dict[str, HopFinished] = field(default_factory=dict)
    chores: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.node = Node(f"agent.{self.host_id}")
        self.service = _Reads(
            {
                ExecuteHop: self._execute,
                CancelHop: self._cancel,
                CommitHop: self._commit,
                ListHops: self._list,
                SteerHop: self._steer,
            }
        )
        self.bus.attach(self.node.name, self)
        self.start()

    @property
    def boot_id(self) -> str:
        """New at each start."""
        return f"boot{self.node.boots}"

    def start(self) -> None:
        """Join and beat."""
        self.node.up = True
        self._spawn("join", self._join())
        self._spawn("beat", self._beat())

    def kill(self) -> None:
        """Everything in memory is lost; what was written stays."""
        self.kernel.note(f"KILL {self.node.name}")
        self.kernel.kill_node(self.node)
        self.epochs, self.begun, self.running, self.reports = Epochs(), Begun(), {}, {}
        self.chores = set()

    def restart(self) -> None:
        """A new process."""
        if not self.node.up:
            self.kernel.note(f"START {self.node.name}")
            self.node.boots += 1
            self.start()

    def freeze(self, seconds: float) -> None:
        """It stands still, and goes on later as if nothing had been: a zombie."""
        self.kernel.note(f"FREEZE {self.node.name} for {seconds:.0f} s")
        self.node.frozen_until = self.kernel.now + seconds

    # What the bus calls

    def deliver(self, letter: Letter) -> bool:
        """Each command returns at once; work runs in processes of its own."""
        self.service.handlers[type(letter.message)](letter.message, letter.time)
        return True

    def hear(self, letter: Letter) -> None:
        """Agents hear no signals."""

    async def answer(self, letter: Letter) -> Message:
        """Agents answer no questions."""
        raise Unavailable("agents answer nothing")

    # Orders

    def _execute(self, order: ExecuteHop, said: datetime) -> None:
        weight = self.epochs.weigh(order.hop_id, order.epoch)
        if weight is Order.OLD:
            return
        if weight is Order.AGAIN:
            self._say_again(order.hop_id)
            return
        self.epochs.raise_to(order.hop_id, order.epoch)
        self.begun.note(order.hop_id, said)
        self._end(order.hop_id)
        running = Running(order)
        self.running[order.hop_id] = running
        running.process = self._spawn(f"hop {order.hop_id[-6:]}", Carrier(self, running).run())
        self._spawn("progress", self._tell(running))

    def _say_again(self, hop_id: str) -> None:
        report = self.reports.get(hop_id)
        if report is not None and report.epoch == self.epochs.newest(hop_id):
            self._spawn("again", self.say(report))

    def _cancel(self, order: CancelHop, _said: datetime) -> None:
        if self.epochs.weigh(order.hop_id, order.epoch) is not Order.OLD:
            self.epochs.raise_to(order.hop_id, order.epoch)
            self._end(order.hop_id)
        if order.destination.grant.owner is ServiceName.HYPERVISOR_AGENT:
            self._discard(lambda hop_id: hop_id == order.hop_id)

    def _list(self, order: ListHops, said: datetime) -> None:
        live = {*order.live, *self.running, *self.begun.since(said)}
        self._discard(lambda hop_id: hop_id not in live)

    def _discard(self, whose: Any) -> None:
        for store in self.stores.values():
            if store.id == f"pool-{self.host_id}":
                for name in [name for name in store.writes if whose(name[1].rpartition(".")[0])]:
                    store.drop(name)

    def _steer(self, order: SteerHop, _said: datetime) -> None:
        running = self.running.get(order.hop_id)
        if running is not None and running.order.epoch == order.epoch and order.yields:
            running.yields = True

    def _commit(self, order: CommitHop, _said: datetime) -> None:
        name = f"{order.hop_id} {order.epoch}"
        if name not in self.chores:
            self.chores.add(name)
            self._spawn(f"commit {order.hop_id[-6:]}", self._committing(order, name))

    async def _committing(self, order: CommitHop, name: str) -> None:
        ids = {"hop_id": order.hop_id, "copy_id": order.copy_id, "epoch": order.epoch}
        ask = CommitAsk(
            key=order.destination.key, writer=order.receipt.part, size=order.receipt.size
        )
        try:
            await self.stores[order.destination.store_id or ""].commit(ask)
        except (NotFound, Conflict) as error:
            await self.say(HopCommitFailed(**ids, error=error.problem))
            return
        except StowageError:
            return
        finally:
            self.chores.discard(name)
        self._discard(lambda hop_id: hop_id == order.hop_id)
        await self.say(HopCommitted(**ids, digest=order.receipt.digest))

    # What it says

    async def say(self, message: Message) -> None:
        """Tries on while the bus is away."""
        serial = self.kernel.random.randrange(1 << 48)
        letter = Letter(f"{self.host_id}-{serial:012x}", f"agent/{self.host_id}", message)
        while not self.bus.up:
            await Pause(0.5)
        self.bus.publish(letter)

    async def _tell(self, running: Running) -> None:
        order = running.order
        while self.running.get(order.hop_id) is running:
            done = sorted(running.write.journal) if running.write else []
            progress = HopProgressed(
                host_id=self.host_id,
                hop_id=order.hop_id,
                copy_id=order.copy_id,
                epoch=order.epoch,
                transfer=Transfer(
                    bytes_done=len(done) * RANGE, bytes_total=order.size, phase=running.phase
                ),
                journaled=ranges_of(done),
            )
            self.bus.signal(Letter("", f"agent/{self.host_id}", progress))
            await Pause(PROGRESS_SECONDS)

    async def _join(self) -> None:
        while True:
            await self.say(
                HostJoined(
                    host_id=self.host_id,
                    name=self.host_id,
                    location=self.location,
                    abilities=self.abilities,
                    boot_id=self.boot_id,
                )
            )
            while self.bus.up:
                await Pause(1.0)

    async def _beat(self) -> None:
        while True:
            beat = Heartbeat(
                host_id=self.host_id, boot_id=self.boot_id, running=tuple(self.running)
            )
            self.bus.signal(Letter("", f"agent/{self.host_id}", beat))
            await Pause(BEAT_SECONDS)

    def _end(self, hop_id: str) -> None:
        running = self.running.pop(hop_id, None)
        if running is not None and running.process is not None:
            self.kernel.kill(running.process)

    def _spawn(self, name: str, body: Coroutine[Any, Any, None]) -> Process:
        return self.kernel.spawn(name, self.node, body)
