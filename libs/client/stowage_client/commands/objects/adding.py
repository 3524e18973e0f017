"""stowage template|volume|snapshot add."""

from pathlib import Path
from typing import Annotated, Any

import typer
from stowage_contracts.errors import InvalidInput

from stowage_client.client import Client
from stowage_client.commands.copies import follow
from stowage_client.commands.objects.noun import objects_of, show_ready
from stowage_client.commands.objects.options import (
    Checksum,
    Copies,
    File,
    Format,
    Hypervisor,
    InPlace,
    Parent,
    Region,
    Stores,
    Tags,
    Url,
    Volume,
    Zone,
    least_and_most,
)
from stowage_client.commands.objects.uploads import send
from stowage_client.commands.places import Name, OwnId
from stowage_client.commands.shell import Shell
from stowage_client.watching import settled

Wait = Annotated[bool, typer.Option("--wait", help="Until it is ready.")]


def add(  # noqa: PLR0913 - each is an option of the command
    context: typer.Context,
    name: Name,
    format: Format,
    url: Url = None,
    upload: File = None,
    store: Stores = None,
    zone: Zone = None,
    region: Region = False,
    copies: Copies = None,
    tag: Tags = None,
    checksum: Checksum = None,
    in_place: InPlace = False,
    hypervisor: Hypervisor = None,
    volume: Volume = None,
    parent: Parent = None,
    id: OwnId = None,
    wait: Wait = False,
) -> None:
    """Have an image fetched from a URL, taken from a store or sent; verified and judged."""
    if region and zone is not None:
        raise typer.BadParameter("give either --region or --zone")
    fields: dict[str, Any] = {
        "url": url,
        "upload": True if upload else None,
        "zone_id": zone,
        "store_ids": store or None,
        **least_and_most(copies),
        "tags": tag or None,
        "checksum": checksum,
        "in_place": in_place or None,
        "hypervisor": hypervisor,
        "volume_id": volume,
        "parent_id": parent,
        "id": id,
    }
    _add(context, {"name": name, "format": format, **fields}, upload, wait or upload is not None)


def _add(context: typer.Context, fields: dict[str, Any], file: Path | None, wait: bool) -> None:
    shell: Shell = context.obj

    async def work(client: Client) -> None:
        _check(fields)
        objects = objects_of(context, client)
        if file is not None:
            fields["size"] = size_of(file)
        made = await objects.add(**fields)
        if file is not None:
            await send(shell, objects, made.id, file)
        elif not wait:
            shell.show(made)
            return
        elif made.copy_id is not None:
            await follow(shell, client, made.copy_id, made.name)
        show_ready(shell, await settled(objects, made.id))

    shell.run(work)


def _check(fields: dict[str, Any]) -> None:
    if (fields["url"] is None) != bool(fields["upload"]):
        raise InvalidInput("give either a URL or --upload FILE", code="argument")


def size_of(file: Path) -> int:
    """Its length in bytes; raises InvalidInput."""
    try:
        return file.stat().st_size
    except OSError as error:
        raise InvalidInput(
            f"the file cannot be read: {error.strerror}", resource=str(file), code="argument"
        ) from error
