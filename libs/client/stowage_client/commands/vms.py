"""stowage vm: list, show, watch."""

from collections.abc import Callable
from contextlib import aclosing
from typing import Annotated

import typer
from rich.live import Live
from stowage_contracts.caching import TransportVmView

from stowage_client.board import Board, Line, changes
from stowage_client.client import Client
from stowage_client.commands import figures
from stowage_client.commands.drawing import drawn
from stowage_client.commands.shell import Row, Shell

app = typer.Typer(help="Transport VMs, which serve caches.", no_args_is_help=True)
Fleet = Annotated[str | None, typer.Option(help="Only of this fleet.")]


@app.command("list")
def list_vms(
    context: typer.Context,
    fleet: Fleet = None,
    host: Annotated[str | None, typer.Option(help="Only on this host.")] = None,
) -> None:
    """List transport VMs that are not proven gone."""
    shell: Shell = context.obj

    async def work(client: Client) -> None:
        found = [view async for view in client.vms.list(fleet_id=fleet, host_id=host)]
        columns = ("id", "fleet", "host", "state", "memory", "disk", "ordered", "url", "why")
        shell.table(found, columns, _row)

    shell.run(work)


@app.command("show")
def show(
    context: typer.Context, vm: Annotated[str, typer.Argument(metavar="VM", help="Its id.")]
) -> None:
    """Show a transport VM, also one that is gone."""
    shell: Shell = context.obj

    async def work(client: Client) -> None:
        shell.show(await client.vms.show(vm))

    shell.run(work)


@app.command("watch")
def watch(
    context: typer.Context,
    fleet: Fleet = None,
    until_empty: Annotated[
        bool, typer.Option("--until-empty", help="End once VMs came and all are gone again.")
    ] = False,
) -> None:
    """Watch transport VMs come and go, with the reasons."""
    shell: Shell = context.obj
    board = Board(fleet)

    async def work(client: Client) -> None:
        if shell.out.is_terminal and not shell.json:
            with Live(get_renderable=lambda: drawn(board), console=shell.out):
                await _follow(client, board, lambda _: None, until_empty)
        else:
            await _follow(client, board, lambda line: _say(shell, board, line), until_empty)

    shell.run(work)


async def _follow(
    client: Client, board: Board, show: Callable[[Line | None], None], until_empty: bool
) -> None:
    came = False
    async with aclosing(changes(client, board)) as told:
        async for line in told:
            show(line)
            came = came or not board.empty
            if until_empty and came and board.empty:
                return


def _say(shell: Shell, board: Board, line: Line | None) -> None:
    for each in [line] if line else board.standing():
        if shell.json:
            shell.line({"at": each.at.isoformat(), "about": each.about, "text": each.text})
        else:
            shell.say(f"{each.at.astimezone():%H:%M:%S}  {each.about}  {each.text}")


def _row(view: TransportVmView) -> Row:
    state = f"{view.state} (host silent)" if view.silent_since else view.state
    sizes = (figures.size(view.memory_bytes), figures.size(view.disk_bytes))
    why = view.error.cause if view.error else view.reason
    where = (view.id, view.fleet_id, view.host_id, state)
    return (*where, *sizes, figures.when(view.ordered), view.url, why)
