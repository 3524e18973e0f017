"""stowage template|volume|snapshot link."""

import asyncio
from pathlib import Path
from typing import Annotated, Any

import typer
from stowage_contracts.errors import Conflict
from stowage_contracts.values import Id, Instant, Secret, Value

from stowage_client.answers import LinkView
from stowage_client.client import Client
from stowage_client.commands import figures
from stowage_client.commands.objects.noun import ObjectId, objects_of
from stowage_client.commands.progress import shown
from stowage_client.commands.shell import Shell
from stowage_client.downloading import Download


class _Made(Value):
    id: Id
    url: Secret
    expires: Instant


def link(
    context: typer.Context,
    id: ObjectId,
    seconds: Annotated[int | None, typer.Option(min=1, help="How long it shall live.")] = None,
    name: Annotated[str | None, typer.Option(help="What the downloaded file is called.")] = None,
    download: Annotated[
        Path | None, typer.Option(metavar="TO", help="Download it to this file or folder.")
    ] = None,
) -> None:
    """Make a download link of one object, or download it."""
    shell: Shell = context.obj

    async def work(client: Client) -> None:
        objects = objects_of(context, client)
        made = await objects.link(id, seconds=seconds, file_name=name)
        if download is None:
            found = await client.links.url(made.id)
            _show(shell, _Made(id=made.id, url=found.url, expires=found.expires))
            return
        await _download(shell, client, made, await objects.show(id), download)

    shell.run(work)


def _show(shell: Shell, made: _Made) -> None:
    if shell.json:
        shell.show(made)
        return
    shell.say(made.url.get_secret_value())
    until = f"until {figures.when(made.expires)}; to end it: stowage link revoke {made.id}"
    shell.err.print(until, soft_wrap=True, markup=False, highlight=False)


async def _download(shell: Shell, client: Client, made: LinkView, view: Any, to: Path) -> None:
    if view.size is None:
        raise Conflict("its size is not known yet", resource=view.id, code="not_ready")
    target = await asyncio.to_thread(_target, to, made.file_name)

    async def address() -> str:
        return (await client.links.url(made.id)).url.get_secret_value()

    try:
        with shown(shell, target.name) as progress:
            await Download(address, target, view.size, view.digest, progress.figures).fetch()
    finally:
        await client.links.revoke(made.id)
    if not shell.json:
        shell.say(f"{target} is complete: {figures.size(view.size)}, {view.digest}")


def _target(to: Path, name: str) -> Path:
    return to / name if to.is_dir() else to
