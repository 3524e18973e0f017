"""The hops an agent is moving: one task each, fenced by epoch, never held on a delivery."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime

import structlog
from stowage_contracts.envelope import Envelope
from stowage_contracts.errors import StowageError, Unavailable
from stowage_contracts.messages.hypervisor_agent import ExecuteHop, HopProgressed, SteerHop
from stowage_contracts.values import Range, Receipt
from stowage_runtime.telemetry import span

from hypervisor_agent import metrics, reports
from hypervisor_agent.engine.progress import Meter
from hypervisor_agent.engine.reins import Reins, Yielded, hold
from hypervisor_agent.fencing import Begun, Epochs, Order
from hypervisor_agent.line import Line
from hypervisor_agent.reports import Report, Reports

PROGRESS_SECONDS = 1.0
HINT_RANGES = 64
BEFORE_BYTES = frozenset({"waiting", "opening"})
"""Phases in which nothing was written yet: the hop may be stopped at once."""
log = structlog.get_logger(__name__)


@dataclass
class Running:
    """One hop under way."""

    order: ExecuteHop
    cause: Envelope
    meter: Meter = field(default_factory=Meter)
    reins: Reins = field(default_factory=Reins)
    done: Callable[[], tuple[Range, ...]] = tuple
    """Ranges the destination holds; set once the copy runs."""
    abandon: Callable[[], None] = lambda: None
    """Called before a cancel; what was written is then deleted."""


Move = Callable[[Running], Awaitable[Receipt]]


class Hops:
    """Starts, cancels and reports hops; at most ``slots`` move at a time."""

    def __init__(self, slots: int, line: Line, move: Move) -> None:
        self._line, self._move = line, move
        self._slots = asyncio.Semaphore(slots)
        self._tasks: dict[str, tuple[Running, asyncio.Task[None]]] = {}
        self._epochs = Epochs()
        self._begun = Begun()
        self._reports = Reports()
        self._saying: set[asyncio.Task[None]] = set()
        self._stopping = False

    @property
    def running(self) -> tuple[str, ...]:
        """Ids of hops under way."""
        return tuple(self._tasks)

    def not_meant(self, said: datetime) -> frozenset[str]:
        """Hops a list said then can't mean when it leaves them out: under way, or begun since."""
        return self._begun.since(said) | frozenset(self._tasks)

    async def take(self, order: ExecuteHop, cause: Envelope) -> None:
        """Begin an order, unless it is old, known or the agent is stopping."""
        weight = self._epochs.weigh(order.hop_id, order.epoch)
        if weight is Order.OLD or self._stopping:
            newest = self._epochs.newest(order.hop_id)
            log.info("hop.ignored", hop=order.hop_id, epoch=order.epoch, newest=newest)
            return
        if weight is Order.AGAIN:
            self._say_again(order, cause)
            return
        self._epochs.raise_to(order.hop_id, order.epoch)
        self._begun.note(order.hop_id, cause.time)
        await self._end(order.hop_id)
        running = Running(order, cause, reins=Reins(order.bytes_per_second))
        task = asyncio.create_task(self._work(running), name=f"hop {order.hop_id}")
        self._tasks[order.hop_id] = (running, task)

    async def cancel(self, hop_id: str, epoch: int) -> None:
        """Stop a hop, and refuse its older epochs from now on."""
        if self._epochs.weigh(hop_id, epoch) is Order.OLD:
            return
        self._epochs.raise_to(hop_id, epoch)
        if hop_id in self._tasks:
            self._tasks[hop_id][0].abandon()
        await self._end(hop_id)

    async def steer(self, order: SteerHop, cause: Envelope) -> None:
        """Another speed, or stop; of another epoch than the newest nothing is heard."""
        if self._epochs.weigh(order.hop_id, order.epoch) is not Order.AGAIN:
            return
        found = self._tasks.get(order.hop_id)
        if found is None:
            if order.yields:
                self._say_again(order, cause)
            return
        running, _ = found
        if not order.yields:
            running.reins.limit(order.bytes_per_second)
            return
        running.reins.stop()
        if running.meter.phase in BEFORE_BYTES:
            await self._end(order.hop_id)
            self._go(order, self._yielded(running), cause)

    def _yielded(self, running: Running) -> Report:
        done = running.done() or running.order.hint
        report = reports.yielded(running.order, self._line.host_id, done[:HINT_RANGES])
        self._reports.keep(report)
        return report

    async def stop(self) -> None:
        """Stop every hop where its journal is; its lease passes on."""
        self._stopping = True
        stopped = [running for running, _ in self._tasks.values()]
        await asyncio.gather(*(self._end(running.order.hop_id) for running in stopped))
        error = Unavailable(
            "the agent stops", code="agent_stopped", hint="the hop goes on elsewhere"
        )
        for running in stopped:
            report = reports.failed(running.order, self._line.host_id, error)
            await self._line.say(report, running.cause)
        await asyncio.gather(*self._saying)

    async def _end(self, hop_id: str) -> None:
        found = self._tasks.pop(hop_id, None)
        if found is not None:
            found[1].cancel()
            await asyncio.wait([found[1]])

    async def _work(self, running: Running) -> None:
        order = running.order
        hold(running.reins)
        telling = asyncio.create_task(self._tell(running))
        try:
            parent = running.cause.traceparent
            with span("hop", parent, hop=order.hop_id, copy=order.copy_id, epoch=order.epoch):
                report = await self._report(running)
                self._reports.keep(report)
                await self._line.say(report, running.cause)
        finally:
            telling.cancel()
            await asyncio.wait([telling])
            if self._tasks.get(order.hop_id, (None,))[0] is running:
                del self._tasks[order.hop_id]

    async def _report(self, running: Running) -> Report:
        order, host = running.order, self._line.host_id
        running.meter.phase = "waiting"
        try:
            async with self._slots:
                receipt = await self._move(running)
        except Yielded:
            log.info("hop.yielded", hop=order.hop_id, epoch=order.epoch)
            return self._yielded(running)
        except StowageError as error:
            log.warning("hop.failed", hop=order.hop_id, epoch=order.epoch, code=error.code)
            metrics.failed(error.code)
            return reports.failed(order, host, error)
        except Exception as error:  # a fault of ours: told without its text, kept in our own log
            log.error("hop.broke", hop=order.hop_id, epoch=order.epoch, exc_info=error)
            metrics.failed("internal")
            broke = Unavailable(f"the agent broke ({type(error).__name__})", code="internal")
            return reports.failed(order, host, broke)
        metrics.moved(receipt)
        log.info("hop.moved", hop=order.hop_id, epoch=order.epoch, size=receipt.size)
        return reports.moved(order, host, receipt)

    async def _tell(self, running: Running) -> None:
        while True:
            order = running.order
            progress = HopProgressed(
                host_id=self._line.host_id,
                hop_id=order.hop_id,
                copy_id=order.copy_id,
                epoch=order.epoch,
                transfer=running.meter.transfer(),
                journaled=running.done()[:HINT_RANGES],
            )
            try:
                await self._line.signal(progress, running.cause)
            except StowageError as error:
                log.debug("hop.progress_lost", hop=order.hop_id, code=error.code)
            await asyncio.sleep(PROGRESS_SECONDS)

    def _say_again(self, order: ExecuteHop | SteerHop, cause: Envelope) -> None:
        """A repeated order of an ended hop: its report may have been lost."""
        report = self._reports.of(order.hop_id, order.epoch)
        if report is not None:
            self._go(order, report, cause)

    def _go(self, order: ExecuteHop | SteerHop, report: Report, cause: Envelope) -> None:
        """Say a report in a task: it may have to wait for the broker."""
        name = f"report {order.hop_id}"
        if not any(task.get_name() == name for task in self._saying):
            task = asyncio.create_task(self._line.say(report, cause), name=name)
            self._saying.add(task)
            task.add_done_callback(self._saying.discard)
