"""Progress: bars on a terminal, plain lines elsewhere, JSON lines when asked for."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from rich.progress import BarColumn, Progress, TaskID, TextColumn
from stowage_contracts.values import Transfer
from stowage_contracts.views import CopyView

from stowage_client.commands import figures
from stowage_client.commands.shell import Shell

LINE_SECONDS = 5.0
"""A plain line at least so often while bytes move, and at every change of state or phase."""


class Shows(Protocol):
    """Shows one thing as it goes."""

    def update(self, view: CopyView) -> None:
        """The newest state."""
        ...

    def figures(self, transfer: Transfer) -> None:
        """The newest figures of what is no copy."""
        ...


@contextmanager
def shown(shell: Shell, title: str) -> Iterator[Shows]:
    """What fits the outlet."""
    if shell.json:
        yield JsonLines(shell)
    elif shell.out.is_terminal:
        with Progress(*_COLUMNS, console=shell.out) as progress:
            yield Bars(progress, title)
    else:
        yield PlainLines(shell, title)


_COLUMNS = (
    TextColumn("{task.description}"),
    BarColumn(),
    TextColumn("{task.fields[percent]:>4}"),
    TextColumn("{task.fields[bytes]}"),
    TextColumn("{task.fields[rate]}"),
    TextColumn("{task.fields[eta]}"),
    TextColumn("{task.fields[phase]}"),
)


class Bars:
    """One bar for the copy, and one for each hop where there are several."""

    def __init__(self, progress: Progress, title: str) -> None:
        self._progress, self._title = progress, title
        self._tasks: dict[str, TaskID] = {}

    def update(self, view: CopyView) -> None:
        """Draw the newest figures."""
        self._draw(view.id, self._title, view.transfer, _phase(view))
        if len(view.hops) > 1:
            for hop, transfer in zip(view.hops, figures.hop_transfers(view), strict=True):
                where = f"  hop {hop.order + 1}" + (f" by {hop.host_id}" if hop.host_id else "")
                self._draw(hop.id, where, transfer, hop.state)

    def figures(self, transfer: Transfer) -> None:
        """Draw them."""
        self._draw("", self._title, transfer, transfer.phase)

    def _draw(self, key: str, title: str, transfer: Transfer, phase: str) -> None:
        texts: dict[str, Any] = {
            "percent": figures.percent(transfer),
            "phase": phase,
            "bytes": f"{figures.size(transfer.bytes_done)}/{figures.size(transfer.bytes_total)}",
            "rate": f"{figures.size(transfer.bytes_per_second)}/s",
            "eta": f"eta {figures.duration(transfer.eta_seconds)}",
        }
        if key not in self._tasks:
            self._tasks[key] = self._progress.add_task(title, total=None, **texts)
        self._progress.update(
            self._tasks[key], completed=transfer.bytes_done, total=transfer.bytes_total, **texts
        )


class PlainLines:
    """A line when something changes, and now and then while bytes move."""

    def __init__(self, shell: Shell, title: str) -> None:
        self._shell, self._title = shell, title
        self._last: tuple[str, str] = ("", "")
        self._told = 0.0

    def update(self, view: CopyView) -> None:
        """Print it if it is worth a line."""
        self._tell((view.state, _phase(view)), figures.line(view))

    def figures(self, transfer: Transfer) -> None:
        """Print them if they are worth a line."""
        self._tell((transfer.phase, ""), figures.moving(transfer))

    def _tell(self, what: tuple[str, str], line: str) -> None:
        now = time.monotonic()
        if what == self._last and now - self._told < LINE_SECONDS:
            return
        self._last, self._told = what, now
        self._shell.say(f"{self._title}: {line}")


class JsonLines:
    """Every state as a line of JSON."""

    def __init__(self, shell: Shell) -> None:
        self._shell, self._told = shell, 0.0

    def update(self, view: CopyView) -> None:
        """Print it."""
        self._shell.line(view.model_dump(mode="json"))

    def figures(self, transfer: Transfer) -> None:
        """Print them, now and then."""
        now = time.monotonic()
        if transfer.phase or now - self._told >= LINE_SECONDS:
            self._told = now
            self._shell.line(transfer.model_dump(mode="json"))


def _phase(view: CopyView) -> str:
    if view.state == "running":
        return view.transfer.phase or view.state
    return view.waiting_for or view.state
