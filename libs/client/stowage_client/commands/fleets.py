"""stowage fleet: set, list, show, remove."""

from collections.abc import Callable
from typing import Annotated, Any

import typer
from stowage_contracts.caching import CacheFleetView

from stowage_client.client import Client
from stowage_client.commands import figures, scopes
from stowage_client.commands.shell import Row, Shell

app = typer.Typer(help="Fleets of transport VMs: caches that come and go.", no_args_is_help=True)
FleetId = Annotated[str, typer.Argument(metavar="FLEET", help="Its id.")]
Time = str | None


@app.command("set")
def set_fleet(  # noqa: PLR0913 - each is an option of the command
    context: typer.Context,
    fleet: FleetId,
    scope: scopes.In,
    name: Annotated[str | None, typer.Option(help="Its id when missing.")] = None,
    strategy: Annotated[str | None, typer.Option(help="Which plug-in says how many.")] = None,
    minimum: Annotated[int | None, typer.Option("--min", min=0, max=1000)] = None,
    maximum: Annotated[int | None, typer.Option("--max", min=0, max=1000)] = None,
    spare: Annotated[int | None, typer.Option(help="Idle VMs kept warm.", min=0)] = None,
    memory: Annotated[str | None, typer.Option(help="Of each VM: 256M, …")] = None,
    disk: Annotated[str | None, typer.Option(help="Of each VM: 32G, …")] = None,
    client_: Annotated[
        list[str] | None,
        typer.Option("--client", help="Network that may mount it: 10.0.0.0/16; repeatable."),
    ] = None,
    min_life: Annotated[Time, typer.Option(help="No VM is drained younger: 10m, …")] = None,
    cool_down: Annotated[Time, typer.Option(help="Between up and down: 2m, …")] = None,
    drain_within: Annotated[Time, typer.Option(help="A longer drain is told as late.")] = None,
    deadline: Annotated[Time, typer.Option(help="What is queued is through by then.")] = None,
) -> None:
    """Add a fleet or replace it. What is not given is as if never set."""
    shell: Shell = context.obj
    times = {
        "min_life_seconds": min_life,
        "cool_down_seconds": cool_down,
        "drain_seconds": drain_within,
        "deadline_seconds": deadline,
    }
    sizes = {"memory_bytes": memory, "disk_bytes": disk}
    limits = {"minimum": minimum, "maximum": maximum, "spare": spare, "strategy": strategy}

    async def work(client: Client) -> None:
        vm: dict[str, Any] = _read(sizes, figures.parsed_size) | {"clients": client_ or []}
        fields = {"name": name or fleet, "vm": vm, **limits, **_read(times, figures.parsed_time)}
        kind, key = scopes.parsed(scope)
        shell.show(await client.fleets.set(fleet, kind, key, **fields))

    shell.run(work)


@app.command("list")
def list_fleets(context: typer.Context) -> None:
    """List fleets and how they stand."""
    shell: Shell = context.obj

    async def work(client: Client) -> None:
        found = [view async for view in client.fleets.list()]
        found.sort(key=lambda view: view.id)
        columns = ("id", "scope", "limits", "VMs", "offered", "wanted", "queued", "why")
        shell.table(found, columns, _row)

    shell.run(work)


@app.command("show")
def show(context: typer.Context, fleet: FleetId) -> None:
    """Show a fleet."""
    shell: Shell = context.obj

    async def work(client: Client) -> None:
        shell.show(await client.fleets.show(fleet))

    shell.run(work)


@app.command("remove")
def remove(context: typer.Context, fleet: FleetId) -> None:
    """Drain and destroy its VMs, then forget it; no copy is aborted."""
    shell: Shell = context.obj

    async def work(client: Client) -> None:
        shell.show(await client.fleets.remove(fleet))

    shell.run(work)


def why(view: CacheFleetView) -> str:
    """Why it is as large as it is to be, or why it is not."""
    if view.halted_until is not None and view.error is not None:
        return f"halted until {figures.when(view.halted_until)}: {view.error.cause}"
    if view.removing:
        return "it is being removed"
    if view.error is not None:
        return view.error.cause
    return view.desired.reason if view.desired else ""


def _read(texts: dict[str, str | None], read: Callable[[str], object]) -> dict[str, Any]:
    return {name: read(text) for name, text in texts.items() if text is not None}


def _row(view: CacheFleetView) -> Row:
    limits = f"{view.minimum}..{view.maximum}" + (f"+{view.spare}" if view.spare else "")
    wanted = view.desired.count if view.desired else None
    counts = (view.members, view.offered, wanted, figures.size(view.backlog_bytes))
    return (view.id, scopes.told(view.scope), limits, *counts, why(view))
