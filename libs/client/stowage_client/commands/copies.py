"""stowage copy: start, watch, list, show, explain, cancel; ``steering`` has the rest."""

from typing import Annotated

import typer
from stowage_contracts.errors import Conflict, Problem
from stowage_contracts.values import ImageFormat
from stowage_contracts.views import CopyView

from stowage_client.client import Client
from stowage_client.commands import explaining, figures
from stowage_client.commands.places import OwnId
from stowage_client.commands.progress import shown
from stowage_client.commands.shell import Row, Shell
from stowage_client.watching import copy_updates

app = typer.Typer(help="Copies.", no_args_is_help=True)
CopyId = Annotated[str, typer.Argument(metavar="COPY", help="Its id.")]


async def follow(shell: Shell, client: Client, copy_id: str, title: str) -> CopyView:
    """Show a copy until it has ended; one that is not done ends the command with its reason."""
    with shown(shell, title) as progress:
        async for view in copy_updates(client, copy_id):
            progress.update(view)
    if view.state != "done":
        shell.fail(_reason(view))
    return view


def _reason(view: CopyView) -> Problem:
    ended = Conflict(f"the copy was {view.state}", resource=f"copy/{view.id}", code=view.state)
    return view.error or ended.problem


@app.command("start")
def start(  # noqa: PLR0913 - each is an option of the command
    context: typer.Context,
    template: Annotated[str, typer.Argument(help="Id of the template.")],
    store: Annotated[str, typer.Argument(help="Id of the primary pool.")],
    volume: Annotated[str | None, typer.Option(help="Make a new volume of this id.")] = None,
    format: Annotated[ImageFormat | None, typer.Option("--format", "-f")] = None,
    priority: Annotated[int, typer.Option(min=-100, max=100)] = 0,
    id: OwnId = None,
    wait: Annotated[bool, typer.Option("--wait", help="Until it has ended.")] = False,
) -> None:
    """Copy a template to a primary pool."""
    shell: Shell = context.obj

    async def work(client: Client) -> None:
        view = await client.copies.start(
            template, store, volume_id=volume, format=format, priority=priority, id=id
        )
        if wait:
            await follow(shell, client, view.id, view.id)
        else:
            shell.show(view)

    shell.run(work)


@app.command("watch")
def watch(context: typer.Context, copy: CopyId) -> None:
    """Follow a copy live until it has ended."""
    shell: Shell = context.obj

    async def work(client: Client) -> None:
        await follow(shell, client, copy, copy)

    shell.run(work)


@app.command("list")
def list_copies(
    context: typer.Context,
    state: Annotated[str | None, typer.Option(help="Only in this state.")] = None,
) -> None:
    """List copies."""
    shell: Shell = context.obj

    async def work(client: Client) -> None:
        found = [view async for view in client.copies.list(state=state)]
        shell.table(found, ("id", "object", "destination", "state", "done", "error"), _row)

    shell.run(work)


@app.command("show")
def show(context: typer.Context, copy: CopyId) -> None:
    """Show a copy."""
    shell: Shell = context.obj

    async def work(client: Client) -> None:
        view = await client.copies.show(copy)
        shell.show(view, without=() if shell.json else ("timeline",))
        if not shell.json:
            shell.say("timeline")
            for moment in view.timeline:
                shell.say(f"  {figures.when(moment.at)}  {moment.what}  {moment.text}".rstrip())

    shell.run(work)


@app.command("explain")
def explain(
    context: typer.Context,
    copy: CopyId,
    what_if: Annotated[
        bool, typer.Option("--what-if", help="Beside what would be answered today.")
    ] = False,
) -> None:
    """Why a copy goes the way it goes: every strategy's answer, and the hops."""
    shell: Shell = context.obj

    async def work(client: Client) -> None:
        told = await client.copies.explain(copy, what_if=what_if)
        if shell.json:
            shell.show(told)
        else:
            explaining.explain(shell, told)

    shell.run(work)


@app.command("cancel")
def cancel(context: typer.Context, copy: CopyId) -> None:
    """Withdraw from a copy; the transfer stops when nobody else asked for it."""
    shell: Shell = context.obj

    async def work(client: Client) -> None:
        shell.show(await client.copies.cancel(copy))

    shell.run(work)


def _row(view: CopyView) -> Row:
    error = view.error.code if view.error else ""
    done = figures.percent(view.transfer)
    return (view.id, view.object, view.destination, view.state, done, error)
