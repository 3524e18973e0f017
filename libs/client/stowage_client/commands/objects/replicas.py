"""stowage template|volume|snapshot copy-to-zone, verify, delete-replica."""

from typing import Annotated, cast

import typer
from stowage_contracts.views import ObjectView, ReplicaView

from stowage_client.client import Client
from stowage_client.commands.objects.noun import ObjectId, StoreId, noun_of, objects_of
from stowage_client.commands.shell import Shell
from stowage_client.watching import Watched


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
            shell.say(f"on its way to {zone}; see: {seen_at(context, id)}")

    shell.run(work)


def verify(
    context: typer.Context,
    id: ObjectId,
    store: StoreId,
    wait: Annotated[bool, typer.Option("--wait", help="Until all of it was read.")] = False,
) -> None:
    """Have every byte of a replica read again and compared with its digest."""
    shell: Shell = context.obj

    async def work(client: Client) -> None:
        objects = objects_of(context, client)
        before = await objects.show(id)

        async def order() -> ObjectView:
            return cast("ObjectView", await objects.verify(id, store))

        def done(view: ObjectView) -> bool:
            return _seen(view, store) != _seen(before, store) or _refused(before, view)

        if wait:
            watched = Watched(client, objects, noun_of(context), id)
            view = await watched.obeyed(order, done, seconds=None)
            _tell(shell, view, store, "is what it should be")
        else:
            _tell(shell, await order(), store, f"is read again; see: {seen_at(context, id)}")

    shell.run(work)


def delete_replica(context: typer.Context, id: ObjectId, store: StoreId) -> None:
    """Delete it from one store; refused for its last good replica."""
    shell: Shell = context.obj

    async def work(client: Client) -> None:
        objects = objects_of(context, client)
        before = await objects.show(id)

        async def order() -> ObjectView:
            return cast("ObjectView", await objects.delete_replica(id, store))

        def done(view: ObjectView) -> bool:
            replica = replica_on(view, store)
            return replica is None or replica.state != "Ready" or view.error is not None

        watched = Watched(client, objects, noun_of(context), id)
        view = await watched.obeyed(order, done)
        if view.error is not None and replica_on(view, store) == replica_on(before, store):
            shell.fail(view.error)
        _tell(shell, view, store, f"is let go; see: {seen_at(context, id)}")

    shell.run(work)


def replica_on(view: ObjectView, store: str) -> ReplicaView | None:
    """Its replica on that store."""
    return next((each for each in view.replicas if each.store_id == store), None)


def seen_at(context: typer.Context, id: str) -> str:
    """The command that shows what becomes of it."""
    return f"stowage {noun_of(context)} show {id}"


def _seen(view: ObjectView, store: str) -> object:
    replica = replica_on(view, store)
    return replica and (replica.verified, replica.error)


def _refused(before: ObjectView, view: ObjectView) -> bool:
    return view.error is not None and view.error != before.error


def _tell(shell: Shell, view: ObjectView, store: str, what: str) -> None:
    replica = replica_on(view, store)
    if replica is not None and replica.error is not None:
        shell.fail(replica.error)
    if shell.json:
        shell.show(view)
    else:
        shell.say(f"the replica on {store} {what}")
