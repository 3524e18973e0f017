"""stowage host: announce, list, show, drain, new join token."""

import asyncio
from typing import Annotated

import typer
from stowage_contracts.values import HypervisorKind
from stowage_contracts.views import HostView

from stowage_client.client import Client
from stowage_client.commands.places import Name, OwnId
from stowage_client.commands.shell import Row, Shell

app = typer.Typer(help="Hosts and plain movers.", no_args_is_help=True)
HostId = Annotated[str, typer.Argument(metavar="HOST", help="Its id.")]
POLL_SECONDS, MOST_POLLS = 1.0, 86400


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
    shell: Shell = context.obj

    async def work(client: Client) -> None:
        found = [view async for view in client.hosts.list()]
        shell.table(found, ("id", "name", "hypervisor", "state", "drain"), _row)

    shell.run(work)


@app.command("show")
def show(context: typer.Context, host: HostId) -> None:
    """Show a host, and how far its drain is."""
    shell: Shell = context.obj

    async def work(client: Client) -> None:
        shell.show(await client.hosts.show(host))

    shell.run(work)


@app.command("drain")
def drain(
    context: typer.Context,
    host: HostId,
    reason: Annotated[str, typer.Option(help="Why, as others read it.")] = "drained by request",
    wait: Annotated[bool, typer.Option("--wait", help="Until nothing moves there.")] = False,
    end: Annotated[bool, typer.Option("--end", help="Let it take hops again.")] = False,
) -> None:
    """Give a host's agent nothing new and hand over what it moves, before it is stopped."""
    shell: Shell = context.obj

    async def work(client: Client) -> None:
        view = await (client.hosts.stop_draining(host) if end else client.hosts.drain(host, reason))
        for _ in range(MOST_POLLS if wait and not end else 0):
            if view.drain is not None and view.drain.hops_left == 0:
                break
            await asyncio.sleep(POLL_SECONDS)
            view = await client.hosts.show(host)
        shell.show(view)

    shell.run(work)


@app.command("token")
def token(context: typer.Context, host: HostId) -> None:
    """Make a new join token; the old one stops working."""
    shell: Shell = context.obj

    async def work(client: Client) -> None:
        announced = await client.hosts.token(host)
        if shell.json:
            shell.show(announced)
        else:
            shell.say(announced.join_token.get_secret_value())

    shell.run(work)


def _row(view: HostView) -> Row:
    drain = f"{view.drain.reason}: {view.drain.hops_left} hops left" if view.drain else ""
    return (view.id, view.name, view.hypervisor, view.state, drain)
