"""A service in the simulator: its own handlers, intents and timers on tables in memory."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from stowage_contracts.errors import Retry, StowageError, Unavailable
from stowage_contracts.message import Message
from stowage_runtime.service import IntentKind, Service

from tests.simulator.bus import Bus, Letter
from tests.simulator.kernel import Kernel, Node, Pause, Promise, at_once
from tests.simulator.tables.rows import Intent, MemoryTx, Tables

LEASE_SECONDS = 30.0
LIMIT = 8
Kinds = dict[str, IntentKind[Any]]


@dataclass(eq=False)
class Host:
    """Runs one service; killed, it loses everything but its tables."""

    service: Service[Any]
    tables: Tables
    kernel: Kernel
    bus: Bus
    shift: float = 0.0
    """How far its clock is off, in seconds."""
    node: Node = field(init=False)
    watchers: list[Any] = field(default_factory=list)
    """Called with the tables after each commit: what must hold at every step."""
    _said: Promise = field(default_factory=Promise)
    _intended: Promise = field(default_factory=Promise)

    def __post_init__(self) -> None:
        self.node = Node(self.service.name)
        self._kinds: Kinds = {kind.name: kind for kind in self.service.intents}
        self.bus.attach(self.service.name, self)
        self.start()

    def start(self) -> None:
        """Begin to relay, to work and to keep time."""
        self.node.up = True
        self.kernel.spawn("relay", self.node, self._relay())
        self.kernel.spawn("work", self.node, self._work())
        for timer in self.service.timers:
            self.kernel.spawn(f"timer {timer.name}", self.node, self._tick(timer))

    def kill(self) -> None:
        """Its memory is gone; leases of intents have to lapse."""
        self.kernel.note(f"KILL {self.node.name}")
        self.kernel.kill_node(self.node)

    def restart(self) -> None:
        """A new process on the same tables."""
        if not self.node.up:
            self.kernel.note(f"START {self.node.name}")
            self.node.boots += 1
            self.start()

    @property
    def idle(self) -> bool:
        """Whether nothing is left to say or to do."""
        return not self.tables.outbox and not self.tables.intents

    # What the bus calls

    def deliver(self, letter: Letter) -> bool:
        """Handle once and commit; False: to be delivered again."""
        handler = self.service.handlers.get(type(letter.message))
        key = f"{letter.source}/{letter.id}"
        if handler is None or key in self.tables.inbox:
            return True
        try:
            self._commit(lambda tx: handler(letter.message, tx, self.service.deps), letter, key)
        except StowageError as error:
            self.kernel.note(f"{self.node.name} again {letter}: {error.code} {error.cause}")
            return False
        return True

    def hear(self, letter: Letter) -> None:
        """Handle a signal."""
        handler = self.service.signals.get(type(letter.message))
        if handler is not None:
            self._commit(lambda tx: handler(letter.message, tx, self.service.deps), letter)

    async def answer(self, letter: Letter) -> Message:
        """Handle a request."""
        desk = SimDesk(self, letter)
        handler = self.service.requests[type(letter.message)]
        return await handler(letter.message, desk, self.service.deps)

    # Transactions

    def transact(self, work: Any) -> None:
        """Something the service itself decides, in a transaction."""
        self._commit(work)

    def _commit(self, work: Any, cause: Letter | None = None, key: str = "") -> None:
        kept, tx = self.tables.keep(), self.begin(cause)
        try:
            at_once(work(tx))
            at_once(tx.finish())
        except BaseException:
            self.tables.restore(kept)
            raise
        if key:
            self.tables.inbox[key] = tx.now
        self.committed(tx)

    def begin(self, cause: Letter | None = None) -> MemoryTx:
        """A transaction at the service's own time."""
        return MemoryTx(self.tables, self.kernel.time(self.shift), cause)

    def committed(self, tx: MemoryTx) -> None:
        """What was said goes to the outbox, signals to the wind."""
        for message, to in tx.said:
            self.tables.serial += 1
            number = self.tables.sequences.get(message.subject, 0) + 1
            self.tables.sequences[message.subject] = number
            name = self.node.name
            letter = Letter(f"{name}-{self.tables.serial}", name, message, to, time=tx.now)
            self.tables.outbox[letter.id] = letter.numbered(number)
        for signal in tx.signals:
            self.bus.signal(Letter("", self.node.name, signal))
        self.wake()
        for watch in self.watchers:
            watch(self.tables, tx)

    def wake(self) -> None:
        """There may be something to say or to do."""
        if self.tables.outbox:
            self.kernel.resolve(self._said)
        if self.tables.intents:
            self.kernel.resolve(self._intended)

    async def _relay(self) -> None:
        while True:
            if not self.tables.outbox:
                self._said = Promise()
                await self._said
            await Pause(self.kernel.random.random() * 0.05)
            for letter in list(self.tables.outbox.values()):
                while not self.bus.up:
                    await Pause(0.5)
                self.bus.publish(letter)
                if self.kernel.chance(self.bus.faults.repeats):
                    self.bus.publish(letter)
                await Pause(0.001)  # killed here, it says the same again
                self.tables.outbox.pop(letter.id, None)

    async def _tick(self, timer: Any) -> None:
        period = max(timer.seconds, 1.0)
        await Pause(self.kernel.random.random() * period)
        while True:
            self._commit(lambda tx: timer.run(tx, self.service.deps))
            await Pause(period)

    # Intents

    async def _work(self) -> None:
        while True:
            now = self.kernel.time(self.shift)
            for name, intent in list(self.tables.intents.items()):
                free = intent.leased_until is None or intent.leased_until < now
                if intent.run_at <= now and free and intent.kind in self._kinds:
                    intent.leased_until = now + timedelta(seconds=LEASE_SECONDS)
                    intent.attempts += 1
                    self.kernel.spawn(
                        f"intent {intent.kind}", self.node, self._attempt(name, intent)
                    )
            self._intended = Promise()
            if self.tables.intents:
                self._ring_later(self._intended)
            await self._intended
            await Pause(self.kernel.random.random() * 0.1)

    def _ring_later(self, promise: Promise) -> None:
        now = self.kernel.time(self.shift)
        known = self.tables.intents.values()
        due = [i.leased_until or i.run_at for i in known if i.kind in self._kinds]
        if due:
            wait = max(0.1, (min(due) - now).total_seconds())
            self.kernel.at(wait, lambda: self.kernel.resolve(promise))

    async def _attempt(self, name: Any, intent: Intent) -> None:
        kind, mine = self._kinds[intent.kind], intent.attempts
        desk = SimDesk(self, None)
        try:
            if mine > 1 and self.kernel.time(self.shift) >= intent.deadline:
                raise Unavailable("not done by its deadline", code="deadline")
            settle = await kind.run(intent.payload, desk, self.service.deps)
        except StowageError as error:
            self._failed(name, intent, mine, error)
            return
        self._end(name, intent, mine, settle)

    def _failed(self, name: Any, intent: Intent, mine: int, error: StowageError) -> None:
        now = self.kernel.time(self.shift)
        wait = min(60.0, 0.5 * 2 ** min(mine - 1, 30)) * (0.5 + self.kernel.random.random() / 2)
        again = now + timedelta(seconds=wait)
        self.kernel.note(f"{self.node.name} intent {intent.kind} {intent.key}: {error.code}")
        if error.retry is Retry.AGAIN and again < intent.deadline:
            if self.tables.intents.get(name) is intent and intent.attempts == mine:
                intent.run_at, intent.leased_until = again, None
                self.kernel.resolve(self._intended)
            return
        give_up = self._kinds[intent.kind].give_up
        self._end(
            name, intent, mine, lambda tx: give_up(intent.payload, error, tx, self.service.deps)
        )

    def _end(self, name: Any, intent: Intent, mine: int, settle: Any) -> None:
        """Only who still owns the lease records the outcome."""
        if self.tables.intents.get(name) is not intent or intent.attempts != mine:
            return

        async def record(tx: MemoryTx) -> None:
            self.tables.intents.pop(name)
            await settle(tx)

        try:
            self._commit(record)
        except StowageError as error:
            self._failed(name, intent, mine, Unavailable(error.cause, code="settle"))


@dataclass
class SimDesk:
    """Implements ``Desk`` for one request or intent."""

    host: Host
    cause: Any
    """The letter that is answered, which stands for its envelope."""

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[MemoryTx]:
        """Commits on leaving."""
        kept, tx = self.host.tables.keep(), self.host.begin(self.cause)
        try:
            yield tx
            await tx.finish()
        except BaseException:
            self.host.tables.restore(kept)
            raise
        self.host.committed(tx)

    async def ask(self, message: Message, *, to: str, seconds: float = 10) -> Message:
        """A question that may stay without an answer."""
        letter = Letter("", self.host.node.name, message, to)
        reply: Message = await self.host.bus.request(letter, seconds)
        return reply
