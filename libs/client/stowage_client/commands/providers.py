"""stowage provider: list, show."""

import json
from typing import Annotated

import typer
from stowage_contracts.errors import NotFound
from stowage_contracts.values import StoreRole
from stowage_contracts.views import ProviderView

from stowage_client.client import Client
from stowage_client.commands.forms import Field, fields_of
from stowage_client.commands.shell import Row, Shell

app = typer.Typer(help="Providers that stores are made with.", no_args_is_help=True)


@app.command("list")
def list_providers(
    context: typer.Context,
    role: Annotated[StoreRole | None, typer.Option(help="Only for stores of this role.")] = None,
) -> None:
    """List providers."""
    shell: Shell = context.obj

    async def work(client: Client) -> None:
        found = [view async for view in client.providers.list(role=role)]
        shell.table(found, ("name", "roles", "scopes", "required"), _row)

    shell.run(work)


@app.command("show")
def show(
    context: typer.Context,
    provider: Annotated[str, typer.Argument(metavar="PROVIDER", help="Its name.")],
) -> None:
    """Show the form a store of this provider is made with."""
    shell: Shell = context.obj

    async def work(client: Client) -> None:
        view = await _named(client, provider)
        if shell.json:
            shell.show(view)
            return
        shell.say(f"{view.name}: {', '.join(view.roles)}; scopes {', '.join(view.scopes)}")
        shell.table(fields_of(view), ("field", "given by", "type", "default", "means"), _field)

    shell.run(work)


async def _named(client: Client, name: str) -> ProviderView:
    async for view in client.providers.list():
        if name.lower() in (view.id.lower(), view.name.lower()):
            return view
    raise NotFound("no such provider", resource=f"provider/{name}", hint="stowage provider list")


def _row(view: ProviderView) -> Row:
    required = ", ".join(field.name for field in fields_of(view) if field.required)
    return (view.name, ", ".join(view.roles), ", ".join(view.scopes), required)


def _field(field: Field) -> Row:
    by = "--secret" if field.secret else "--set"
    default = "required" if field.required else field.default
    if not isinstance(default, str | None):
        default = json.dumps(default)
    return (field.name, by, field.type, default, field.help)
