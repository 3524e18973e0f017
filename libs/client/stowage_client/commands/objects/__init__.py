"""stowage template, volume, snapshot: the same verbs for each."""

from collections.abc import Callable, Mapping

import typer

from stowage_client.commands.objects import (
    adding,
    links,
    living,
    moving,
    prefetching,
    replicas,
    uploads,
)

VERBS: Mapping[str, Callable[..., None]] = {
    "add": adding.add,
    "list": living.list_objects,
    "show": living.show,
    "change": living.change,
    "delete": living.delete,
    "upload": uploads.upload,
    "link": links.link,
    "copy-to-zone": replicas.copy_to_zone,
    "prefetch": prefetching.prefetch,
    "verify": replicas.verify,
    "delete-replica": replicas.delete_replica,
}


def _app(help: str) -> typer.Typer:
    app = typer.Typer(help=help, no_args_is_help=True)
    for name, verb in VERBS.items():
        app.command(name)(verb)
    return app


templates = _app("Templates and ISOs.")
volumes = _app("Volumes, on image stores and primary pools.")
volumes.command("move")(moving.move)
snapshots = _app("Snapshots kept on image stores.")
templates.command("register", hidden=True)(adding.add)  # as CloudStack calls it
