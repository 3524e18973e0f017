"""stowage copy: pause, resume, change, reroute, timeline."""

from collections.abc import Awaitable, Callable
from typing import Annotated

import typer
from stowage_contracts.errors import InvalidInput
from stowage_contracts.views import CopyView, Moment

from stowage_client.client import Client
from stowage_client.commands import figures
from stowage_client.commands.copies import CopyId
from stowage_client.commands.copies import app as app
from stowage_client.commands.shell import Row, Shell


@app.command("pause")
def pause(
    context: typer.Context,
    copy: CopyId,
    reason: Annotated[str, typer.Option(help="Why, as others read it.")] = "paused by request",
) -> None:
    """Stop a copy at the edge of a range; what arrived stays."""
    _say(context, lambda client: client.copies.pause(copy, reason))


@app.command("resume")
def resume(context: typer.Context, copy: CopyId) -> None:
    """Let a paused copy go on from where it stopped."""
    _say(context, lambda client: client.copies.resume(copy))


@app.command("change")
def change(
    context: typer.Context,
    copy: CopyId,
    priority: Annotated[int | None, typer.Option(min=-100, max=100)] = None,
    speed: Annotated[
        str | None, typer.Option(help="Most bytes a second: 512K, 20M, 1GiB; 0 is unlimited.")
    ] = None,
) -> None:
    """Give a copy another priority or speed, effective at once."""

    async def work(client: Client) -> CopyView:
        if priority is None and speed is None:
            raise InvalidInput(
                "nothing to change", code="argument", hint="give --priority or --speed"
            )
        limit = None if speed is None else figures.parsed_size(speed)
        return await client.copies.change(copy, priority=priority, bytes_per_second=limit)

    _say(context, work)


@app.command("reroute")
def reroute(
    context: typer.Context,
    copy: CopyId,
    to: Annotated[str | None, typer.Option(help="Id of a host; left out, any other.")] = None,
) -> None:
    """Hand what moves to another host, which goes on from where it is."""
    _say(context, lambda client: client.copies.reroute(copy, to))


@app.command("timeline")
def timeline(context: typer.Context, copy: CopyId) -> None:
    """What happened to a copy: who carried it, what it waited for, who took its slot."""
    shell: Shell = context.obj

    async def work(client: Client) -> None:
        view = await client.copies.show(copy)
        shell.table(view.timeline, ("when", "what", "text"), _row)

    shell.run(work)


def _say(context: typer.Context, ask: Callable[[Client], Awaitable[CopyView]]) -> None:
    shell: Shell = context.obj

    async def work(client: Client) -> None:
        shell.show(await ask(client), without=() if shell.json else ("timeline",))

    shell.run(work)


def _row(moment: Moment) -> Row:
    return (figures.when(moment.at), moment.what, moment.text)
