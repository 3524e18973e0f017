"""How a board of fleets and VMs is drawn."""

from datetime import UTC, datetime

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text
from stowage_contracts.caching import TransportVmView, VmState

from stowage_client.board import Board, short
from stowage_client.commands import figures
from stowage_client.commands.fleets import why
from stowage_client.commands.scopes import told

COLOURS = {
    VmState.ORDERED: "yellow",
    VmState.STARTING: "yellow",
    VmState.PROBING: "cyan",
    VmState.OFFERED: "green",
    VmState.DRAINING: "magenta",
    VmState.DESTROYING: "red",
}


def drawn(board: Board) -> RenderableType:
    """Fleets above, their VMs below, and what happened lately."""
    return Group(_fleets(board), Text(), _vms(board), Text(), *_lines(board))


def _table(*columns: str) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def _fleets(board: Board) -> Table:
    table = _table("fleet", "scope", "VMs", "offered", "wanted", "queued", "why")
    for view in sorted(board.fleets.values(), key=lambda view: view.id):
        counts = f"{view.members} of {view.maximum}", str(view.offered)
        wanted = str(view.desired.count) if view.desired else "-"
        queued = figures.size(view.backlog_bytes)
        table.add_row(view.id, told(view.scope), *counts, wanted, queued, why(view))
    return table


def _vms(board: Board) -> Table:
    table = _table("VM", "host", "state", "age", "why")
    for view in sorted(board.vms.values(), key=lambda view: view.ordered):
        state = Text(view.state.value, style=COLOURS.get(view.state, ""))
        reason = view.error.cause if view.error else view.reason
        table.add_row(short(view.id), view.host_id, state, _age(view), reason)
    return table


def _age(view: TransportVmView) -> str:
    return figures.duration(max(0.0, (datetime.now(UTC) - view.ordered).total_seconds()))


def _lines(board: Board) -> list[Text]:
    return [
        Text(f"{line.at.astimezone():%H:%M:%S}  {line.about}  {line.text}", style="dim")
        for line in board.lines
    ]
