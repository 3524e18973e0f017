"""stowage template: register, list, show, delete."""

from typing import Annotated

import typer
from stowage_contracts.values import HypervisorKind, ImageFormat
from stowage_contracts.views import TemplateView

from stowage_client.client import Client
from stowage_client.commands import figures
from stowage_client.commands.copies import follow
from stowage_client.commands.places import Name, OwnId
from stowage_client.commands.shell import Row, Shell
from stowage_client.watching import settled_template

app = typer.Typer(help="Templates and ISOs.", no_args_is_help=True)
TemplateId = Annotated[str, typer.Argument(metavar="TEMPLATE", help="Its id.")]


@app.command("register")
def register(  # noqa: PLR0913 - each is an option of the command
    context: typer.Context,
    name: Name,
    url: Annotated[str, typer.Argument(help="http or https.")],
    format: Annotated[ImageFormat, typer.Option("--format", "-f", help="What it must be.")],
    hypervisor: Annotated[HypervisorKind, typer.Option()] = HypervisorKind.KVM,
    zone: Annotated[str | None, typer.Option(help="One zone; otherwise the region.")] = None,
    checksum: Annotated[str | None, typer.Option(help="algorithm:hex of the bytes.")] = None,
    store: Annotated[str | None, typer.Option(help="One image store; otherwise any.")] = None,
    id: OwnId = None,
    wait: Annotated[bool, typer.Option("--wait", help="Until it is ready.")] = False,
) -> None:
    """Fetch an image from a URL into an image store, and verify it."""
    shell: Shell = context.obj

    async def work(client: Client) -> None:
        fields = {
            "hypervisor": hypervisor,
            "zone_id": zone,
            "checksum": checksum,
            "store_id": store,
            "id": id,
        }
        made = await client.templates.register(name, url, format, **fields)
        if not wait:
            shell.show(made)
            return
        await follow(shell, client, made.copy_id, name)
        _show(shell, await settled_template(client, made.id))

    shell.run(work)


@app.command("list")
def list_templates(context: typer.Context) -> None:
    """List templates."""
    shell: Shell = context.obj

    async def work(client: Client) -> None:
        found = [view async for view in client.templates.list()]
        shell.table(found, ("id", "name", "kind", "format", "state", "size"), _row)

    shell.run(work)


@app.command("show")
def show(context: typer.Context, template: TemplateId) -> None:
    """Show a template with its replicas."""
    shell: Shell = context.obj

    async def work(client: Client) -> None:
        shell.show(await client.templates.show(template))

    shell.run(work)


@app.command("delete")
def delete(context: typer.Context, template: TemplateId) -> None:
    """Hide a template and delete its replicas."""
    shell: Shell = context.obj

    async def work(client: Client) -> None:
        shell.show(await client.templates.delete(template))

    shell.run(work)


def _show(shell: Shell, view: TemplateView) -> None:
    if view.error is not None:
        shell.fail(view.error)
    if shell.json:
        shell.line(view.model_dump(mode="json"))
    else:
        shell.say(f"{view.name} ({view.id}) is ready: {figures.size(view.size)}, {view.digest}")


def _row(view: TemplateView) -> Row:
    state = "ready" if view.ready else view.error.code if view.error else "pending"
    return (view.id, view.name, view.kind, view.format, state, figures.size(view.size))
