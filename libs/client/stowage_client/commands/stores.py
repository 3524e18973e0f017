"""stowage store: add, list, show, probe, remove."""

from typing import Annotated

import typer
from stowage_contracts.values import ScopeType, StoreRole
from stowage_contracts.views import StoreView

from stowage_client.client import Client
from stowage_client.commands import figures, given
from stowage_client.commands.places import Name, OwnId
from stowage_client.commands.shell import Row, Shell
from stowage_client.watching import settled_store

app = typer.Typer(help="Data stores.", no_args_is_help=True)
StoreId = Annotated[str, typer.Argument(metavar="STORE", help="Its id.")]


@app.command("add")
def add(  # noqa: PLR0913 - each is an option of the command
    context: typer.Context,
    name: Name,
    provider: Annotated[str, typer.Option("--provider", "-p", help="directory, S3, …")],
    role: Annotated[StoreRole, typer.Option()] = StoreRole.IMAGE,
    scope: Annotated[
        str, typer.Option(help="region, or zone:ID, pod:ID, cluster:ID, host:ID.")
    ] = ScopeType.REGION,
    set_: Annotated[
        list[str] | None, typer.Option("--set", help="name=value, a setting of the provider.")
    ] = None,
    secret: Annotated[
        list[str] | None,
        typer.Option(help="name=@file, name=env:VARIABLE or name=- (asked, or from stdin)."),
    ] = None,
    bare_secret: Annotated[
        list[str] | None,
        typer.Option(help="name=value, if you accept that everybody on this machine sees it."),
    ] = None,
    id: OwnId = None,
    wait: Annotated[bool, typer.Option(help="Wait for the first probe.")] = True,
) -> None:
    """Prove a store and add it; a store that fails its probe is not kept."""
    shell: Shell = context.obj

    async def work(client: Client) -> None:
        kind, _, scope_id = scope.partition(":")
        view = await client.stores.add(
            name,
            provider,
            role=role,
            scope=kind,
            scope_id=scope_id or None,
            id=id,
            settings=given.settings(set_ or ()),
            secrets=given.secrets(secret or (), bare_secret or ()),
        )
        _show(shell, await settled_store(client, view.id) if wait else view)

    shell.run(work)


@app.command("list")
def list_stores(
    context: typer.Context,
    role: Annotated[StoreRole | None, typer.Option(help="Only of this role.")] = None,
) -> None:
    """List stores of every role."""
    shell: Shell = context.obj

    async def work(client: Client) -> None:
        found = [view async for view in client.stores.list(role=role)]
        shell.table(found, ("id", "name", "role", "provider", "scope", "state", "used"), _row)

    shell.run(work)


@app.command("show")
def show(context: typer.Context, store: StoreId) -> None:
    """Show a store."""
    shell: Shell = context.obj

    async def work(client: Client) -> None:
        shell.show(await client.stores.show(store))

    shell.run(work)


@app.command("probe")
def probe(context: typer.Context, store: StoreId) -> None:
    """Ask its owner to probe a store again."""
    shell: Shell = context.obj

    async def work(client: Client) -> None:
        shell.show(await client.stores.probe(store))

    shell.run(work)


@app.command("remove")
def remove(context: typer.Context, store: StoreId) -> None:
    """Ask its owner to remove a store; refused while it holds replicas."""
    shell: Shell = context.obj

    async def work(client: Client) -> None:
        shell.show(await client.stores.remove(store))

    shell.run(work)


def _show(shell: Shell, view: StoreView) -> None:
    """A refused store is shown with its checks, and fails the command."""
    if shell.json or view.error is None:
        shell.show(view)
    for check in view.checks if not shell.json else ():
        shell.say(f"{'ok  ' if check.ok else 'FAIL'} {check.name} {check.cause}".rstrip())
    if view.error is not None:
        shell.fail(view.error)


def _row(view: StoreView) -> Row:
    where = view.scope.type + (f":{view.scope.id}" if view.scope.id else "")
    used = f"{figures.size(view.used_bytes)}/{figures.size(view.total_bytes)}"
    return (view.id, view.name, view.role, view.provider, where, view.state, used)
