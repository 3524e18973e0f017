"""stowage template|volume|snapshot prefetch."""

from typing import Annotated

import typer

from stowage_client.client import Client
from stowage_client.commands import figures, scopes
from stowage_client.commands.copies import follow
from stowage_client.commands.objects.noun import ObjectId, objects_of
from stowage_client.commands.shell import Shell


def prefetch(
    context: typer.Context,
    id: ObjectId,
    scope: scopes.In,
    hold: Annotated[str, typer.Option(help="Nothing evicts it for so long: 30m, 2h, 7d.")] = "1h",
    priority: Annotated[int | None, typer.Option(min=-100, max=100)] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Until it is there.")] = False,
) -> None:
    """Bring it onto a cache of a scope before anybody asks, and hold it there."""
    shell: Shell = context.obj

    async def work(client: Client) -> None:
        kind, key = scopes.parsed(scope)
        fields = {"hold_seconds": figures.parsed_time(hold), "priority": priority}
        copy = await objects_of(context, client).prefetch(id, kind, key, **fields)
        if wait:
            await follow(shell, client, copy.id, id)
        else:
            shell.show(copy)

    shell.run(work)
