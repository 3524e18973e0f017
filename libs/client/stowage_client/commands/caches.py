"""stowage cache: list, show, entries, hold, evict, why."""

from collections.abc import Iterable
from typing import Annotated

import typer
from stowage_contracts.caching import Decision, EntryView
from stowage_contracts.values import StoreRole
from stowage_contracts.views import StoreView

from stowage_client.client import Client
from stowage_client.commands import figures, scopes
from stowage_client.commands.shell import Row, Shell

app = typer.Typer(help="Cache stores, what they hold, and why.", no_args_is_help=True)
StoreId = Annotated[str, typer.Argument(metavar="STORE", help="Id of the cache store.")]
EntryId = Annotated[str, typer.Argument(metavar="ENTRY", help="Its id.")]
ENTRY_COLUMNS = ("id", "store", "object", "size", "state", "hits", "used", "needed by", "held")


@app.command("list")
def list_caches(context: typer.Context) -> None:
    """List cache stores."""
    shell: Shell = context.obj

    async def work(client: Client) -> None:
        found = [view async for view in client.stores.list(role=StoreRole.IMAGE_CACHE)]
        columns = ("id", "name", "provider", "scope", "state", "used", "promised", "error")
        shell.table(found, columns, _store)

    shell.run(work)


@app.command("show")
def show(context: typer.Context, store: StoreId) -> None:
    """Show a cache store and what it holds."""
    shell: Shell = context.obj

    async def work(client: Client) -> None:
        shell.show(await client.stores.show(store))
        if not shell.json:
            shell.say("")
            held = [entry async for entry in client.entries.list(store)]
            shell.table(held, ENTRY_COLUMNS, _entry)

    shell.run(work)


@app.command("entries")
def entries(
    context: typer.Context,
    store: Annotated[str | None, typer.Argument(metavar="STORE", help="Only of this one.")] = None,
) -> None:
    """List what caches hold."""
    shell: Shell = context.obj

    async def work(client: Client) -> None:
        found = [entry async for entry in client.entries.list(store)]
        shell.table(found, ENTRY_COLUMNS, _entry)

    shell.run(work)


@app.command("hold")
def hold(
    context: typer.Context,
    entry: EntryId,
    time: Annotated[str, typer.Option("--for", help="30m, 2h, 7d; 0 lets it go.")] = "1h",
) -> None:
    """Keep an entry for so long, whoever uses it."""
    shell: Shell = context.obj

    async def work(client: Client) -> None:
        shell.show(await client.entries.hold(entry, figures.parsed_time(time)))

    shell.run(work)


@app.command("evict")
def evict(context: typer.Context, entry: EntryId) -> None:
    """Drop an entry; `stowage cache why entry/ENTRY` tells where that was refused."""
    shell: Shell = context.obj

    async def work(client: Client) -> None:
        shell.show(await client.entries.evict(entry))

    shell.run(work)


@app.command("why")
def why(
    context: typer.Context,
    subject: Annotated[
        str, typer.Argument(help="copy/ID, store/ID, entry/ID, cache_fleet/ID or transport_vm/ID.")
    ] = "",
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=500)] = 20,
) -> None:
    """Why things were placed, evicted, spawned, drained or destroyed; the newest last."""
    shell: Shell = context.obj

    async def work(client: Client) -> None:
        show_decisions(shell, reversed(await client.entries.decisions(subject, limit)))

    shell.run(work)


def show_decisions(shell: Shell, decisions: Iterable[Decision]) -> None:
    """What was decided, about what, and why."""
    shell.table(decisions, ("when", "decided", "about", "why"), _decision)


def _store(view: StoreView) -> Row:
    used = f"{figures.size(view.used_bytes)}/{figures.size(view.total_bytes)}"
    error = f"{view.error.code}: {view.error.cause}" if view.error else ""
    promised = figures.size(view.reserved_bytes)
    where = scopes.told(view.scope)
    return (view.id, view.name, view.provider, where, view.state, used, promised, error)


def _entry(entry: EntryView) -> Row:
    needed = ", ".join(entry.pinned_by)
    used, held = figures.when(entry.last_used), figures.when(entry.held_until)
    what = (entry.object, figures.size(entry.size), entry.state, entry.hits)
    return (entry.id, entry.store_id, *what, used, needed, held)


def _decision(decision: Decision) -> Row:
    return (figures.when(decision.at), decision.kind, decision.subject, decision.reason)
