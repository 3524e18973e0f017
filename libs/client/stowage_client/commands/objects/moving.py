"""stowage volume move."""

from typing import Annotated

import typer

from stowage_client.client import Client
from stowage_client.commands.copies import follow
from stowage_client.commands.objects.noun import ObjectId
from stowage_client.commands.shell import Shell


def move(
    context: typer.Context,
    id: ObjectId,
    store: Annotated[str, typer.Argument(metavar="STORE", help="Where it is to be.")],
    priority: Annotated[int | None, typer.Option(min=-100, max=100)] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Until it is there.")] = False,
) -> None:
    """Move it to another store; where it was it is deleted once it is there, verified."""
    shell: Shell = context.obj

    async def work(client: Client) -> None:
        copy = await client.volumes.move(id, store, priority=priority)
        if wait:
            await follow(shell, client, copy.id, id)
        else:
            shell.show(copy)

    shell.run(work)
