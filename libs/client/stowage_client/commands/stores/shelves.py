"""stowage store objects, move."""

from typing import Annotated

import typer
from stowage_contracts.catalogue import StoreEntry
from stowage_contracts.errors import InvalidInput
from stowage_contracts.values import ObjectKind, ObjectRef

from stowage_client.client import Client
from stowage_client.commands import figures
from stowage_client.commands.shell import Row, Shell
from stowage_client.commands.stores.options import StoreId


def objects(
    context: typer.Context,
    store: StoreId,
    path: Annotated[str, typer.Argument(help="A folder of it; all of it when missing.")] = "",
) -> None:
    """List a folder of an image store, and which object each file is."""
    shell: Shell = context.obj

    async def work(client: Client) -> None:
        found = [entry async for entry in client.stores.objects(store, path)]
        shell.table(found, ("name", "size", "object", "called", "changed"), _row)

    shell.run(work)


def move(
    context: typer.Context,
    store: StoreId,
    what: Annotated[list[str], typer.Argument(metavar="KIND/ID...", help="template/ID, …")],
    to: Annotated[
        list[str] | None, typer.Option(help="One of these stores gets each; may be repeated.")
    ] = None,
    stop: Annotated[bool, typer.Option("--stop", help="Let stay what has not gone yet.")] = False,
) -> None:
    """Move objects off an image store, verified; snapshots go with their whole chains."""
    shell: Shell = context.obj

    async def work(client: Client) -> None:
        if bool(to) == stop:
            raise InvalidInput("give --to, or --stop", code="argument")
        shell.show(await client.stores.move(store, [_object(text) for text in what], to or ()))

    shell.run(work)


def _object(text: str) -> ObjectRef:
    kind, _, key = text.partition("/")
    try:
        return ObjectRef(kind=ObjectKind(kind), id=key)
    except ValueError:
        raise InvalidInput(
            f"{text!r} is no object", code="argument", hint="template/ID, volume/ID, snapshot/ID"
        ) from None


def _row(entry: StoreEntry) -> Row:
    if entry.folder:
        return (f"{entry.name}/", "", "", "", "")
    changed = figures.when(entry.updated)
    return (entry.name, figures.size(entry.size), entry.object, entry.object_name, changed)
