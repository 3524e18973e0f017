"""stowage store: added, changed, emptied, compared with the catalogue, removed."""

from collections.abc import Callable, Mapping

import typer

from stowage_client.commands.stores import (
    adding,
    changing,
    demoting,
    evacuating,
    inventory,
    living,
    shelves,
)

app = typer.Typer(help="Data stores.", no_args_is_help=True)
VERBS: Mapping[str, Callable[..., None]] = {
    "add": adding.add,
    "list": living.list_stores,
    "show": living.show,
    "probe": living.probe,
    "change": changing.change,
    "rotate": changing.rotate,
    "enable": changing.enable,
    "read-only": changing.read_only,
    "drain": changing.drain,
    "disable": changing.disable,
    "evacuate": evacuating.evacuate,
    "demote": demoting.demote,
    "objects": shelves.objects,
    "move": shelves.move,
    "remove": living.remove,
    "scan": inventory.scan,
    "findings": inventory.findings,
    "clean": inventory.clean,
    "adopt": inventory.adopt,
}
for _name, _verb in VERBS.items():
    app.command(_name)(_verb)
