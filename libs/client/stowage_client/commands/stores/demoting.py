"""stowage store demote."""

from typing import Annotated, Any, TypeGuard

import typer
from stowage_contracts.errors import Problem
from stowage_contracts.values import StoreState
from stowage_contracts.views import StoreView

from stowage_client.answers import DemotionOrder
from stowage_client.client import Client
from stowage_client.commands import scopes
from stowage_client.commands.shell import Shell
from stowage_client.commands.stores.options import StoreId
from stowage_client.watching import watched_store


def demote(
    context: typer.Context,
    store: StoreId,
    name: Annotated[str | None, typer.Option(help="Of the cache; its own when missing.")] = None,
    scope: Annotated[
        str | None, typer.Option(help="zone:ID, pod:ID, cluster:ID or host:ID; else its own.")
    ] = None,
    id: Annotated[str | None, typer.Option(help="Of the cache store it becomes.")] = None,
    copy_first: Annotated[
        bool, typer.Option("--copy-first", help="First copy elsewhere what only it holds.")
    ] = False,
) -> None:
    """Make an image store a cache store as it stands, without moving a byte.

    Refused while it holds the only replica of anything, unless that is to be copied first.
    """
    shell: Shell = context.obj

    async def work(client: Client) -> None:
        kind, key = scopes.parsed(scope) if scope else (None, None)
        fields: dict[str, Any] = {"name": name, "scope": kind, "scope_id": key}
        fields |= {"cache_store_id": id, "copy_first": copy_first or None}
        await _demote(shell, client, store, fields)

    shell.run(work)


async def _demote(shell: Shell, client: Client, store: str, fields: dict[str, Any]) -> None:
    before = (await client.stores.show(store)).error
    told: list[DemotionOrder] = []

    async def order() -> None:
        told.append(await client.stores.demote(store, **fields))

    def done(view: StoreView) -> bool:
        going = fields["copy_first"] and view.evacuation is not None
        return bool(view.state is StoreState.REMOVED or going or _new(view.error, before))

    view = await watched_store(client, store).obeyed(order, done)
    cache = told[0].cache_store_id
    if view.state is not StoreState.REMOVED and _new(view.error, before):
        shell.fail(view.error)
    if shell.json:
        shell.show(told[0])
    elif view.evacuation is not None:
        shell.say(f"cache store {cache} once all is copied; see: stowage store show {store}")
    else:
        shell.say(f"it is cache store {cache} now; see: stowage cache list")


def _new(error: Problem | None, before: Problem | None) -> TypeGuard[Problem]:
    return error is not None and error != before
