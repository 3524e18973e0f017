"""stowage template|volume|snapshot upload."""

from pathlib import Path
from typing import Annotated, Any

import typer

from stowage_client.client import Client
from stowage_client.commands.objects.noun import ObjectId, objects_of, show_ready
from stowage_client.commands.progress import shown
from stowage_client.commands.shell import Shell
from stowage_client.nouns.objects import Objects
from stowage_client.uploading import Upload
from stowage_client.watching import settled


async def send(shell: Shell, objects: Objects[Any, Any], id: str, file: Path) -> None:
    """Send a file with its progress shown; interrupted, it may be called again."""
    with shown(shell, file.name) as progress:
        await Upload(objects, id, file, progress.figures).send()


def upload(
    context: typer.Context,
    id: ObjectId,
    file: Annotated[Path, typer.Argument(help="The image; sent in parts.")],
    wait: Annotated[bool, typer.Option(help="Until it is verified and ready.")] = True,
) -> None:
    """Send the bytes of one added for upload; interrupted, the same command goes on."""
    shell: Shell = context.obj

    async def work(client: Client) -> None:
        objects = objects_of(context, client)
        await send(shell, objects, id, file)
        if wait:
            show_ready(shell, await settled(objects, id))

    shell.run(work)
