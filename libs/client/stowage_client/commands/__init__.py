"""The `stowage` command: one module for each noun, and commands of installed packages."""

import typer

from stowage_client.commands import (
    accounts,
    autoscaling,
    caches,
    events,
    fleets,
    hosts,
    importing,
    links,
    objects,
    placement,
    places,
    policies,
    providers,
    sinks,
    steering,
    stores,
    vms,
)
from stowage_client.commands.shell import root

app = typer.Typer(
    name="stowage",
    help="Moves virtual-machine images between stores, caches and hypervisors.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    callback=root,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(providers.app, name="provider")
app.add_typer(stores.app, name="store")
app.add_typer(placement.app, name="placement")
app.add_typer(objects.templates, name="template")
app.add_typer(objects.volumes, name="volume")
app.add_typer(objects.snapshots, name="snapshot")
app.add_typer(links.app, name="link")
app.add_typer(steering.app, name="copy")
app.add_typer(policies.app, name="policy")
app.add_typer(caches.app, name="cache")
app.add_typer(fleets.app, name="fleet")
app.add_typer(vms.app, name="vm")
app.add_typer(autoscaling.app, name="autoscale")
app.add_typer(hosts.app, name="host")
app.add_typer(places.zones, name="zone")
app.add_typer(places.pods, name="pod")
app.add_typer(places.clusters, name="cluster")
app.add_typer(importing.app, name="import")
app.add_typer(sinks.app, name="sink")
app.add_typer(accounts.app, name="account")
app.add_typer(accounts.users, name="user")
app.add_typer(accounts.domains, name="domain")
app.command("events")(events.events)

__all__ = ["app"]
