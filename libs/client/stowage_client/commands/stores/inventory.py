"""stowage store scan, findings, clean, adopt."""

from typing import Annotated

import typer
from stowage_contracts.catalogue import Finding, FindingKind
from stowage_contracts.errors import InvalidInput
from stowage_contracts.views import StoreView

from stowage_client.client import Client
from stowage_client.commands import figures
from stowage_client.commands.shell import Row, Shell
from stowage_client.commands.stores.options import StoreId
from stowage_client.watching import watched_store

AT_ONCE = 500
"""Findings removed by one order."""


def scan(
    context: typer.Context,
    store: StoreId,
    wait: Annotated[bool, typer.Option("--wait", help="Until it is through.")] = False,
) -> None:
    """Compare what is on a store with what should be."""
    shell: Shell = context.obj

    async def work(client: Client) -> None:
        known = await client.stores.show(store)
        before = known.inventory

        def through(view: StoreView) -> bool:
            return view.inventory != before or view.error not in (None, known.error)

        async def order() -> StoreView:
            return await client.stores.scan(store)

        if not wait:
            shell.show(await order())
            return
        view = await watched_store(client, store).obeyed(order, through, seconds=None)
        if view.inventory == before and view.error is not None:
            shell.fail(view.error)
        shell.show(view.inventory or view)

    shell.run(work)


def findings(
    context: typer.Context,
    store: StoreId,
    kind: Annotated[FindingKind | None, typer.Option(help="Only of this kind.")] = None,
) -> None:
    """List what the last scans found."""
    shell: Shell = context.obj

    async def work(client: Client) -> None:
        found = [each async for each in client.stores.findings(store) if kind in (None, each.kind)]
        columns = ("id", "kind", "key", "size", "object", "first seen", "seen", "removable")
        shell.table(found, columns, _row)

    shell.run(work)


def clean(
    context: typer.Context,
    store: StoreId,
    finding: Annotated[list[str] | None, typer.Argument(help="Ids of findings.")] = None,
    every: Annotated[
        bool, typer.Option("--all", help="Every finding that is removable by now.")
    ] = False,
) -> None:
    """Remove findings: each only if it was seen twice and its grace is over."""
    shell: Shell = context.obj

    async def work(client: Client) -> None:
        if bool(finding) == every:
            raise InvalidInput("name findings, or give --all", code="argument")
        ids = finding or [each.id async for each in client.stores.findings(store) if each.removable]
        for first in range(0, len(ids), AT_ONCE):
            await client.stores.clean(store, ids[first : first + AT_ONCE])
        if shell.json:
            shell.line({"asked": ids})
        else:
            shell.say(f"asked to remove {len(ids)}; see: stowage store findings {store}")

    shell.run(work)


def adopt(context: typer.Context, store: StoreId) -> None:
    """Rebuild the catalogue from the manifests on a store, through the gate."""
    shell: Shell = context.obj

    async def work(client: Client) -> None:
        shell.show(await client.stores.adopt(store))

    shell.run(work)


def _row(found: Finding) -> Row:
    size, since = figures.size(found.size), figures.when(found.first_seen)
    removable = "yes" if found.removable else "not yet"
    return (found.id, found.kind, found.key, size, found.object, since, found.sightings, removable)
