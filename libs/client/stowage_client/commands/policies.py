"""stowage policy: set, list, show, remove."""

from typing import Annotated

import typer
from stowage_contracts.views import MotionPolicyView

from stowage_client.client import Client
from stowage_client.commands.shell import Row, Shell

app = typer.Typer(help="Which strategies may carry copies into a zone.", no_args_is_help=True)
ZoneId = Annotated[str, typer.Argument(metavar="ZONE", help="Id of a zone, or `default`.")]


@app.command("set")
def set_policy(
    context: typer.Context,
    zone: ZoneId,
    pin: Annotated[str | None, typer.Option(help="Use this strategy and no other.")] = None,
    forbid: Annotated[
        list[str] | None, typer.Option(help="Never use this one; may be repeated.")
    ] = None,
) -> None:
    """Pin or forbid strategies in a zone, or (default) in all that have no policy."""
    shell: Shell = context.obj

    async def work(client: Client) -> None:
        shell.show(await client.policies.set(zone, pin=pin, forbid=forbid or ()))

    shell.run(work)


@app.command("list")
def list_policies(context: typer.Context) -> None:
    """List policies."""
    shell: Shell = context.obj

    async def work(client: Client) -> None:
        found = [policy async for policy in client.policies.list()]
        found.sort(key=lambda policy: policy.id)
        shell.table(found, ("zone", "pin", "forbid"), _row)

    shell.run(work)


@app.command("show")
def show(context: typer.Context, zone: ZoneId) -> None:
    """Show a zone's policy."""
    shell: Shell = context.obj

    async def work(client: Client) -> None:
        shell.show(await client.policies.show(zone))

    shell.run(work)


@app.command("remove")
def remove(context: typer.Context, zone: ZoneId) -> None:
    """Let the best strategy win there again."""
    shell: Shell = context.obj

    async def work(client: Client) -> None:
        shell.show(await client.policies.remove(zone))

    shell.run(work)


def _row(policy: MotionPolicyView) -> Row:
    return (policy.id, policy.pin, ", ".join(policy.forbid))
