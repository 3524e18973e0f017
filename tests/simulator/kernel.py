"""A virtual clock and a seeded scheduler: coroutines that sleep, die, freeze and never race."""

import heapq
from collections.abc import Awaitable, Callable, Coroutine, Generator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Pause:
    """Sleeps so many virtual seconds."""

    seconds: float

    def __await__(self) -> Generator[Any, Any, None]:
        yield self


@dataclass(eq=False)
class Promise:
    """An answer somebody waits for; the first one counts."""

    answer: Any = None
    error: Exception | None = None
    done: bool = False
    waiting: list["Process"] = field(default_factory=list)

    def __await__(self) -> Generator[Any, Any, Any]:
        if not self.done:
            yield self
        if self.error is not None:
            raise self.error
        return self.answer


@dataclass(eq=False)
class Node:
    """Something that can die or freeze: a service, an agent, the world's own hand."""

    name: str
    up: bool = True
    frozen_until: float = 0.0
    boots: int = 1
    processes: list["Process"] = field(default_factory=list)


@dataclass(eq=False)
class Process:
    """One running coroutine of a node."""

    name: str
    node: Node
    body: Coroutine[Any, Any, Any]
    alive: bool = True


class Kernel:
    """Runs everything in one order, which the seed alone decides."""

    def __init__(self, seed: int) -> None:
        self.random, self.now, self.log = Random(seed), 0.0, list[str]()
        self._order, self._due = 0, list[tuple[float, int, Callable[[], None]]]()
        self._processes = set[Process]()

    def note(self, text: str) -> None:
        """A line of the event log."""
        self.log.append(f"{self.now:9.3f}  {text}")

    def time(self, shift: float = 0.0) -> datetime:
        """The wall clock of somebody whose clock is off by ``shift`` seconds."""
        return BEGIN + timedelta(seconds=self.now + shift)

    def chance(self, share: float) -> bool:
        """True in ``share`` of the cases."""
        return share > 0 and self.random.random() < share

    def at(self, seconds: float, act: Callable[[], None]) -> None:
        """Do something so many seconds from now."""
        self._order += 1
        heapq.heappush(self._due, (self.now + max(0.0, seconds), self._order, act))

    def spawn(self, name: str, node: Node, body: Coroutine[Any, Any, Any]) -> Process:
        """Start a process on a node."""
        process = Process(name, node, body)
        node.processes.append(process)
        self._processes.add(process)
        self.at(0, lambda: self._step(process, None))
        return process

    def kill(self, process: Process) -> None:
        """It is gone; nothing of it runs any more but what its ``finally`` says."""
        if process.alive:
            self._forget(process)
            process.body.close()

    def end(self) -> None:
        """The world is over."""
        for process in sorted(self._processes, key=lambda process: process.name):
            self.kill(process)

    def kill_node(self, node: Node) -> None:
        """All its processes die at once."""
        node.up = False
        for process in list(node.processes):
            self.kill(process)

    def resolve(self, promise: Promise, answer: Any = None, error: Exception | None = None) -> None:
        """Answer, once; later answers are lost."""
        if promise.done:
            return
        promise.done, promise.answer, promise.error = True, answer, error
        for process in promise.waiting:
            self._wake(process)

    def _forget(self, process: Process) -> None:
        process.alive = False
        process.node.processes.remove(process)
        self._processes.discard(process)

    def _wake(self, process: Process) -> None:
        self.at(0, lambda: self._step(process, None))

    def run(self, until: float, quiet: Callable[[], bool] = lambda: False) -> bool:
        """Go on to a time, or until ``quiet``; whether it became so."""
        checked = self.now
        while self._due and self._due[0][0] <= until:
            self.now, _, act = heapq.heappop(self._due)
            act()
            if self.now - checked >= 1.0:
                checked = self.now
                if quiet():
                    return True
        self.now = max(self.now, until)
        return quiet()

    def _step(self, process: Process, value: Any) -> None:
        if not process.alive:
            return
        late = process.node.frozen_until - self.now
        if late > 0:
            self.at(late, lambda: self._step(process, value))
            return
        try:
            wish = process.body.send(value)
        except StopIteration:
            self._forget(process)
            return
        if isinstance(wish, Pause):
            self.at(wish.seconds, lambda: self._step(process, None))
        elif wish.done:
            self._wake(process)
        else:
            wish.waiting.append(process)


def at_once(body: Awaitable[Any]) -> Any:
    """Run what never waits: a handler on tables in memory."""
    steps = body.__await__()
    try:
        wish = next(steps)
    except StopIteration as end:
        return end.value
    raise AssertionError(f"a transaction waits for {wish!r}")
