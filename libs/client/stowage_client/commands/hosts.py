"""stowage host: announce, list, new join token."""

from typing import Annotated

import typer
from stowage_contracts.values import HypervisorKind

from stowage_client.client import Client
from stowage_client.commands.places import Name, OwnId, listing
from stowage_client.commands.shell import Shell

app = typer.Typer(help="Hosts and plain movers.", no_args_is_help=True)


@app.command("add")
def add(
    context: typer.Context,
    name: Name,
    hypervisor: Annotated[HypervisorKind, typer.Option()] = HypervisorKind.KVM,
    cluster: Annotated[str | None, typer.Option(help="Id of its cluster.")] = None,
    zone: Annotated[str | None, typer.Option(help="Zone of a plain mover.")] = None,
    id: OwnId = None,
) -> None:
    """Announce a host; prints the one-time token its agent joins with."""
    shell: Shell = context.obj

    async def work(client: Client) -> None:
        fields = {"cluster_id": cluster, "zone_id": zone, "id": id}
        shell.show(await client.hosts.add(name, hypervisor, **fields))

    shell.run(work)


@app.command("list")
def list_hosts(context: typer.Context) -> None:
    """List hosts."""
    listing(context.obj, "hosts", ("id", "name", "hypervisor", "state"))


@app.command("token")
def token(context: typer.Context, host: Annotated[str, typer.Argument(help="Its id.")]) -> None:
    """Make a new join token; the old one stops working."""
    shell: Shell = context.obj

    async def work(client: Client) -> None:
        announced = await client.hosts.token(host)
        if shell.json:
            shell.show(announced)
        else:
            shell.say(announced.join_token.get_secret_value())

    shell.run(work)
