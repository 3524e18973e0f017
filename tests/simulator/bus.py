"""The bus in the simulator: at least once, in any order, late; signals and questions get lost."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import Any, Protocol

from stowage_contracts.errors import StowageError, Unavailable
from stowage_contracts.message import Kind, Message

from tests.simulator.kernel import BEGIN, Kernel, Node, Pause, Promise

LADDER = (1.0, 5.0, 30.0)
LIMIT = 8


@dataclass(frozen=True)
class Letter:
    """A message on its way; it stands for its envelope where a handler wants the cause."""

    id: str
    source: str
    message: Message
    to: str = ""
    sequence: int = 0
    time: datetime = BEGIN

    def numbered(self, sequence: int) -> "Letter":
        return replace(self, sequence=sequence)

    def __str__(self) -> str:
        told = {
            name: value
            for name in ("hop_id", "copy_id", "host_id", "epoch")
            if (value := getattr(self.message, name, None)) is not None
        }
        error = getattr(self.message, "error", None)
        state = getattr(self.message, "state", None)
        shown = [f"{name}={str(value)[-12:]}" for name, value in told.items()]
        shown += [error.code] if error else []
        if state is not None and hasattr(state, "id"):
            shown.append(f"{state.id} {getattr(state, 'state', '')}")
        return f"{type(self.message).__name__}({', '.join(shown)})"


@dataclass
class Faults:
    """How badly the network behaves; all zero is a quiet day."""

    repeats: float = 0.0
    late: float = 0.0
    """Share of letters that come up to a minute late."""
    lost: float = 0.0
    """Share of signals, questions and answers that never come."""


class Reader(Protocol):
    """Who reads the bus."""

    node: Node
    service: Any

    def deliver(self, letter: Letter) -> bool: ...

    def hear(self, letter: Letter) -> None: ...

    async def answer(self, letter: Letter) -> Message: ...


@dataclass(eq=False)
class Bus:
    """Delivers letters to whoever reads their kind."""

    kernel: Kernel
    faults: Faults = field(default_factory=Faults)
    up: bool = True
    dead: list[Letter] = field(default_factory=list)
    heard: list[Callable[[Letter], None]] = field(default_factory=list)
    """Outsiders that listen to everything durable."""
    _readers: dict[str, Reader] = field(default_factory=dict)
    _flying: int = 0

    @property
    def empty(self) -> bool:
        """Whether nothing durable is on its way."""
        return self._flying == 0

    def attach(self, name: str, reader: Reader) -> None:
        """From now on ``name`` reads."""
        self._readers[name] = reader

    def publish(self, letter: Letter) -> None:
        """Deliver to its address, or to every reader of its type, at least once."""
        self.kernel.note(f"{letter.source} says {letter}")
        for listen in self.heard:
            listen(letter)
        for name in self._addressed(letter):
            self._fly(name, letter, 1)
            if self.kernel.chance(self.faults.repeats):
                self._fly(name, letter, 1)

    def signal(self, letter: Letter) -> None:
        """Offer it to whoever hears it now; often nobody."""
        for reader in self._readers.values():
            if type(letter.message) not in reader.service.signals or not self.up:
                continue
            if not self.kernel.chance(self.faults.lost):
                self.kernel.at(self._delay(), partial(self._signal, reader, letter))

    async def request(self, letter: Letter, seconds: float) -> Any:
        """Ask; raises what the other side raised, or Unavailable."""
        promise, reader = Promise(), self._readers.get(letter.to)
        nobody = Unavailable(f"{letter.to} did not answer", code="no_reply")
        self.kernel.at(seconds, lambda: self.kernel.resolve(promise, error=nobody))
        if reader is not None and self.up and not self.kernel.chance(self.faults.lost):
            self.kernel.at(self._delay(), lambda: self._ask(reader, letter, promise))
        return await promise

    def _ask(self, reader: Reader, letter: Letter, promise: Promise) -> None:
        if reader.node.up:
            self.kernel.spawn("answer", reader.node, self._answered(reader, letter, promise))

    async def _answered(self, reader: Reader, letter: Letter, promise: Promise) -> None:
        reply, problem = None, None
        try:
            reply = await reader.answer(letter)
        except StowageError as error:
            problem = error.problem.error()
        await Pause(self._delay())
        if self.up and not self.kernel.chance(self.faults.lost):
            self.kernel.resolve(promise, reply, problem)

    def _addressed(self, letter: Letter) -> list[str]:
        if letter.message.kind is Kind.COMMAND:
            return [letter.to]
        kind = type(letter.message)
        return [name for name, reader in self._readers.items() if kind in reader.service.handlers]

    def _fly(self, name: str, letter: Letter, attempt: int, after: float | None = None) -> None:
        self._flying += 1
        delay = self._delay() if after is None else after
        self.kernel.at(delay, lambda: self._land(name, letter, attempt))

    def _land(self, name: str, letter: Letter, attempt: int) -> None:
        self._flying -= 1
        reader = self._readers.get(name)
        if reader is None:
            return
        if not reader.node.up and name.startswith("agent."):
            self.kernel.note(f"{name} is gone, {letter} with its queue")
            return
        if not self.up or not reader.node.up or reader.node.frozen_until > self.kernel.now:
            self._fly(name, letter, attempt, 0.5 + self.kernel.random.random())
        elif not reader.deliver(letter):
            self._again(name, letter, attempt)

    def _again(self, name: str, letter: Letter, attempt: int) -> None:
        if attempt >= LIMIT:
            self.dead.append(letter)
            return
        step = LADDER[min(attempt - 1, len(LADDER) - 1)]
        self._fly(name, letter, attempt + 1, step)

    def _signal(self, reader: Reader, letter: Letter) -> None:
        if self.up and reader.node.up and reader.node.frozen_until <= self.kernel.now:
            reader.hear(letter)

    def _delay(self) -> float:
        random = self.kernel.random
        if self.kernel.chance(self.faults.late):
            return random.random() * 60.0
        return 0.001 + random.random() * 0.02
