"""stowage template|volume|snapshot copy-to-zone, verify, delete-replica."""

from typing import Annotated

import typer

from stowage_client.client import Client
from stowage_client.commands.objects.noun import ObjectId, StoreId, noun_of, objects_of
from stowage_client.commands.shell import Shell


def copy_to_zone(
    context: typer.Context,
    id: ObjectId,
    zone: Annotated[str, typer.Argument(metavar="ZONE", help="Id of the zone.")],
) -> None:
    """Have it in one more zone."""
    shell: Shell = context.obj

    async def work(client: Client) -> None:
        answer = await objects_of(context, client).copy_to_zone(id, zone)
        if shell.json:
            shell.show(answer)
        elif answer.already_available:
            shell.say(f"already available in {zone}")
        else:
            shell.say(f"on its way to {zone}; see: stowage {noun_of(context)} show {id}")

    shell.run(work)


def verify(context: typer.Context, id: ObjectId, store: StoreId) -> None:
    """Have every byte of a replica read again and compared with its digest."""
    shell: Shell = context.obj

    async def work(client: Client) -> None:
        view = await objects_of(context, client).verify(id, store)
        if shell.json:
            shell.show(view)
        else:
            shell.say(f"{store} is read again; see: stowage {noun_of(context)} show {id}")

    shell.run(work)


def delete_replica(context: typer.Context, id: ObjectId, store: StoreId) -> None:
    """Delete it from one store; refused for its last good replica."""
    shell: Shell = context.obj

    async def work(client: Client) -> None:
        view = await objects_of(context, client).delete_replica(id, store)
        if shell.json:
            shell.show(view)
        else:
            shell.say(f"it goes from {store}; see: stowage {noun_of(context)} show {id}")

    shell.run(work)
