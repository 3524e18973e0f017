"""Which objects a command is about: the noun that stands before its verb."""

from typing import Annotated, Any

import typer
from stowage_contracts.views import ObjectView

from stowage_client.client import Client
from stowage_client.commands import figures
from stowage_client.commands.shell import Shell
from stowage_client.nouns.objects import Objects

ObjectId = Annotated[str, typer.Argument(metavar="ID", help="Its id.")]
StoreId = Annotated[str, typer.Argument(metavar="STORE", help="Id of the store.")]


def noun_of(context: typer.Context) -> str:
    """``template``, ``volume`` or ``snapshot``."""
    assert context.parent is not None
    return str(context.parent.info_name)


def objects_of(context: typer.Context, client: Client) -> Objects[Any, Any]:
    """All of that noun."""
    known: dict[str, Objects[Any, Any]] = {
        "template": client.templates,
        "volume": client.volumes,
        "snapshot": client.snapshots,
    }
    return known[noun_of(context)]


def show_ready(shell: Shell, view: ObjectView) -> None:
    """What became of an object; one that failed ends the command with its reason."""
    if view.error is not None:
        shell.fail(view.error)
    if shell.json:
        shell.line(view.model_dump(mode="json"))
    else:
        shell.say(f"{view.name} ({view.id}) is ready: {figures.size(view.size)}, {view.digest}")
