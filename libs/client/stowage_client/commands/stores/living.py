"""stowage store list, show, probe, remove."""

from typing import Annotated

import typer
from stowage_contracts.values import StoreRole
from stowage_contracts.views import StoreView

from stowage_client.client import Client
from stowage_client.commands import figures
from stowage_client.commands.shell import Row, Shell
from stowage_client.commands.stores.options import StoreId


def list_stores(
    context: typer.Context,
    role: Annotated[StoreRole | None, typer.Option(help="Only of this role.")] = None,
) -> None:
    """List stores of every role."""
    shell: Shell = context.obj

    async def work(client: Client) -> None:
        found = [view async for view in client.stores.list(role=role)]
        columns = ("id", "name", "role", "provider", "scope", "state", "used", "measured")
        shell.table(found, columns, _row)

    shell.run(work)


def show(context: typer.Context, store: StoreId) -> None:
    """Show a store."""
    shell: Shell = context.obj

    async def work(client: Client) -> None:
        shell.show(await client.stores.show(store))

    shell.run(work)


def probe(context: typer.Context, store: StoreId) -> None:
    """Ask its owner to probe a store again."""
    shell: Shell = context.obj

    async def work(client: Client) -> None:
        shell.show(await client.stores.probe(store))

    shell.run(work)


def remove(context: typer.Context, store: StoreId) -> None:
    """Remove an empty store; 'evacuate --remove' empties it first."""
    shell: Shell = context.obj

    async def work(client: Client) -> None:
        shell.show(await client.stores.remove(store))

    shell.run(work)


def show_probed(shell: Shell, view: StoreView) -> None:
    """A store with its checks; one that was refused ends the command with its reason."""
    if shell.json or view.error is None:
        shell.show(view, without=() if shell.json else ("checks",))
    for check in view.checks if not shell.json else ():
        shell.say(f"{'ok  ' if check.ok else 'FAIL'} {check.name} {check.cause}".rstrip())
    if view.error is not None:
        shell.fail(view.error)


def _row(view: StoreView) -> Row:
    where = view.scope.type + (f":{view.scope.id}" if view.scope.id else "")
    used = f"{figures.size(view.used_bytes)}/{figures.size(view.total_bytes)}"
    measured = figures.when(view.measured)
    return (view.id, view.name, view.role, view.provider, where, view.state, used, measured)
