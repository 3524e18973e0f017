"""stowage autoscale: explain, simulate."""

from pathlib import Path
from typing import Annotated, Any

import typer
from stowage_contracts.caching import CacheFleetView, FleetStep, StrategySays

from stowage_client import days
from stowage_client.answers import FleetTrial
from stowage_client.client import Client
from stowage_client.commands import figures
from stowage_client.commands.caches import show_decisions
from stowage_client.commands.fleets import FleetId
from stowage_client.commands.shell import Row, Shell

app = typer.Typer(help="Why fleets grow and shrink, and what if.", no_args_is_help=True)
OWN = (
    "name strategy minimum maximum spare min_life_seconds cool_down_seconds drain_seconds "
    "deadline_seconds"
)
"""Settings of a fleet that it is given back with when some are tried otherwise."""


@app.command("explain")
def explain(context: typer.Context, fleet: FleetId) -> None:
    """What every strategy would want of a fleet now, what is done, and what was decided."""
    shell: Shell = context.obj

    async def work(client: Client) -> None:
        told = await client.fleets.explain(fleet)
        if shell.json:
            shell.show(told)
            return
        shell.say(f"fleet {fleet}: {told.doing or 'nothing to do'}")
        shell.table(told.answers, ("strategy", "wants", "why"), _says)
        shell.say("")
        show_decisions(shell, reversed(told.decisions))

    shell.run(work)


@app.command("simulate")
def simulate(  # noqa: PLR0913 - each is an option of the command
    context: typer.Context,
    fleet: FleetId,
    day: Annotated[days.Day, typer.Option(help="Shape of the day.")] = days.Day.OFFICE,
    wanted: Annotated[str, typer.Option("--bytes", help="Wanted all day: 500G, 5T.")] = "1T",
    demand: Annotated[Path | None, typer.Option(help="Or a file of seconds,bytes.")] = None,
    rate: Annotated[str, typer.Option(help="What one VM serves a second.")] = "100M",
    spawn: Annotated[str, typer.Option(help="Until a VM is offered.")] = "60s",
    strategy: Annotated[str | None, typer.Option(help="Instead of its own.")] = None,
    minimum: Annotated[int | None, typer.Option("--min", min=0, max=1000)] = None,
    maximum: Annotated[int | None, typer.Option("--max", min=0, max=1000)] = None,
    spare: Annotated[int | None, typer.Option(min=0)] = None,
) -> None:
    """Try a fleet's settings, or others, on a made-up day; nothing is spawned."""
    shell: Shell = context.obj
    others = {"strategy": strategy, "minimum": minimum, "maximum": maximum, "spare": spare}

    async def work(client: Client) -> None:
        asked = days.read(demand) if demand else days.demand(day, figures.parsed_size(wanted))
        fields: dict[str, Any] = {
            "vm_bytes_per_second": figures.parsed_size(rate),
            "spawn_seconds": figures.parsed_time(spawn),
        }
        changed = {name: value for name, value in others.items() if value is not None}
        if changed:
            fields["fleet"] = _as_set(await client.fleets.show(fleet)) | changed
        _show(shell, await client.fleets.simulate(fleet, asked, **fields))

    shell.run(work)


def _as_set(view: CacheFleetView) -> dict[str, Any]:
    """A fleet as it would be set again."""
    told = view.model_dump(mode="json", include={*OWN.split(), "vm"})
    return told | {"scope": view.scope.type.value, "scope_id": view.scope.id}


def _show(shell: Shell, told: FleetTrial) -> None:
    if shell.json:
        shell.show(told)
        return
    shell.table(told.steps, ("at", "VMs", "offered", "wanted", "queued", "why"), _step)
    waited = figures.duration(told.p95_wait_seconds)
    shell.say(
        f"p95 wait {waited}, {told.vm_hours:.1f} VM hours, at most {told.most} VMs, "
        f"{told.flaps} flaps"
    )


def _says(answer: StrategySays) -> Row:
    if answer.desired is None:
        return (answer.strategy, "", f"failed: {answer.error}")
    return (answer.strategy, answer.desired.count, answer.desired.reason)


def _step(step: FleetStep) -> Row:
    counts = (step.members, step.offered, step.desired, figures.size(step.backlog_bytes))
    return (figures.duration(step.seconds), *counts, step.reason)
