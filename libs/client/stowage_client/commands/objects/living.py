"""stowage template|volume|snapshot list, show, change, delete."""

from typing import Annotated, Any

import typer
from stowage_contracts.errors import InvalidInput
from stowage_contracts.values import StoreRole
from stowage_contracts.views import ObjectView, ReplicaView

from stowage_client.client import Client
from stowage_client.commands import figures
from stowage_client.commands.objects.noun import ObjectId, objects_of
from stowage_client.commands.objects.options import Copies, NewTags, least_and_most
from stowage_client.commands.shell import Row, Shell


def list_objects(
    context: typer.Context,
    zone: Annotated[str | None, typer.Option(help="Only those wished for there.")] = None,
    tag: Annotated[str | None, typer.Option(help="Only with this tag.")] = None,
    ready: Annotated[
        bool | None, typer.Option("--ready/--not-ready", help="Only those that are, or are not.")
    ] = None,
    kind: Annotated[str | None, typer.Option(help="Only of this kind: template or iso.")] = None,
) -> None:
    """List them."""
    shell: Shell = context.obj
    filters: dict[str, Any] = {"zone_id": zone, "tag": tag, "ready": ready, "kind": kind}

    async def work(client: Client) -> None:
        found = [view async for view in objects_of(context, client).list(**filters)]
        columns = ("id", "name", "kind", "format", "state", "size", "copies", "zones")
        shell.table(found, columns, _row)

    shell.run(work)


def show(context: typer.Context, id: ObjectId) -> None:
    """Show one with its replicas."""
    shell: Shell = context.obj

    async def work(client: Client) -> None:
        view = await objects_of(context, client).show(id)
        shell.show(view, without=() if shell.json else ("replicas",))
        if not shell.json and view.replicas:
            shell.say("")
            shell.table(view.replicas, ("store", "state", "size", "verified", "error"), _replica)
            for replica in view.replicas:
                _explain(shell, replica)

    shell.run(work)


def change(
    context: typer.Context,
    id: ObjectId,
    name: Annotated[str | None, typer.Option(help="Another name.")] = None,
    tag: NewTags = None,
    no_tags: Annotated[bool, typer.Option("--no-tags", help="No tag at all.")] = False,
    copies: Copies = None,
) -> None:
    """Change what is wished for it."""
    shell: Shell = context.obj
    tags = [] if no_tags else tag or None
    fields = {"name": name, "tags": tags, **least_and_most(copies)}

    async def work(client: Client) -> None:
        if all(value is None for value in fields.values()):
            raise InvalidInput("name what is to change", code="argument", hint="see -h")
        shell.show(await objects_of(context, client).change(id, **fields))

    shell.run(work)


def delete(context: typer.Context, id: ObjectId) -> None:
    """Hide it at once and delete its replicas."""
    shell: Shell = context.obj

    async def work(client: Client) -> None:
        shell.show(await objects_of(context, client).delete(id))

    shell.run(work)


def _row(view: ObjectView) -> Row:
    there = [each for each in view.replicas if each.role == StoreRole.IMAGE]
    copies = f"{sum(each.state == 'Ready' for each in there)}/{view.min_copies}"
    state = _state(view)
    zones = (
        "all"
        if view.scope.id is None
        else " ".join(zone.zone_id + ("" if zone.ready else " (pending)") for zone in view.zones)
    )
    size = figures.size(view.size)
    return (view.id, view.name, view.kind, view.format, state, size, copies, zones)


def _state(view: ObjectView) -> str:
    if view.ready:
        return "ready"
    if view.error is not None:
        return view.error.code
    placed = view.kind == "volume" and any(each.state == "Ready" for each in view.replicas)
    return "on a pool" if placed else "pending"


def _explain(shell: Shell, view: ReplicaView) -> None:
    """Why a volume was made the way it was."""
    if view.install is None:
        return
    stands = f", stands on template {view.install.stands_on}" if view.install.stands_on else ""
    shell.say(f"on {view.store_id} made by {view.install.strategy}{stands}:")
    for answer in view.install.answers:
        mark = "*" if answer.chosen else " "
        missing = f"; missing: {answer.missing}" if answer.missing else ""
        shell.say(f"{mark} {answer.strategy} ({answer.priority}): {answer.reason}{missing}")


def _replica(view: ReplicaView) -> Row:
    error = f"{view.error.code}: {view.error.cause}" if view.error else ""
    verified = figures.when(view.verified)
    state = f"{view.state} (in place)" if view.in_place else view.state
    return (view.store_id, state, figures.size(view.size), verified, error)
