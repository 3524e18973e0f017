"""stowage store evacuate."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated

import typer
from stowage_contracts.catalogue import PlannedMove
from stowage_contracts.errors import InvalidInput
from stowage_contracts.values import StoreState, Transfer
from stowage_contracts.views import EvacuationView, StoreView

from stowage_client.client import Client
from stowage_client.commands import figures
from stowage_client.commands.progress import shown
from stowage_client.commands.shell import Row, Shell
from stowage_client.commands.stores.options import StoreId
from stowage_client.watching import watched_store


def evacuate(  # noqa: PLR0913 - each is an option of the command
    context: typer.Context,
    store: StoreId,
    plan: Annotated[bool, typer.Option("--plan", help="Only tell what would move.")] = False,
    remove: Annotated[bool, typer.Option("--remove", help="Then remove the store.")] = False,
    follow: Annotated[bool, typer.Option("--follow", help="Until it is empty.")] = False,
    stop: Annotated[
        bool, typer.Option("--stop", help="Stop one that runs; what is there stays.")
    ] = False,
    to: Annotated[
        list[str] | None, typer.Option(help="Only to this store; may be repeated.")
    ] = None,
) -> None:
    """Move everything off a store, verified; nothing is lost when it is interrupted."""
    shell: Shell = context.obj

    async def work(client: Client) -> None:
        if plan + stop + bool(remove or follow or to) > 1:
            raise InvalidInput("--plan and --stop stand alone", code="argument")

        async def order() -> StoreView:
            return await client.stores.evacuate(store, remove=remove, to=to or ())

        if plan:
            await _plan(shell, client, store)
        elif stop:
            shell.show(await client.stores.stop_evacuation(store))
        elif follow:
            before = await client.stores.show(store)
            updates = watched_store(client, store).updates(order)
            view = await _followed(shell, updates, before, remove)
            shell.show(view) if shell.json else shell.say(_end(view))
        else:
            shell.show(await order())

    shell.run(work)


async def _plan(shell: Shell, client: Client, store: str) -> None:
    planned = await client.stores.evacuation_plan(store)
    if shell.json:
        shell.show(planned)
        return
    shell.table(planned.moves, ("object", "size", "to", "possible", "reason"), _move)
    stuck = sum(not move.possible for move in planned.moves)
    told = f", {stuck} can't be moved" if stuck else ""
    shell.say(f"{len(planned.moves)} objects, {figures.size(planned.bytes_to_move)} to move{told}")


async def _followed(
    shell: Shell, updates: AsyncGenerator[StoreView, None], before: StoreView, remove: bool
) -> StoreView:
    """How it ended, whoever ended it."""
    blocked: set[str] = set()
    with shown(shell, before.id) as progress:
        async with aclosing(updates):
            async for view in updates:
                if view.evacuation is not None:
                    progress.figures(_figures(view.evacuation))
                    _tell_blockers(shell, view.evacuation, blocked)
                if _ended(view, before, remove):
                    break
    return view


def _figures(view: EvacuationView) -> Transfer:
    return Transfer(
        bytes_done=view.bytes_total - view.bytes_left,
        bytes_total=view.bytes_total,
        phase=f"{view.objects_left} of {view.objects_total} objects left",
    )


def _tell_blockers(shell: Shell, view: EvacuationView, told: set[str]) -> None:
    for problem in view.blockers:
        line = f"blocked: {problem.resource}: {problem.cause}"
        if line not in told and not shell.json:
            shell.say(f"{line}; {problem.hint}" if problem.hint else line)
        told.add(line)


def _ended(view: StoreView, before: StoreView, remove: bool) -> bool:
    if view.state is StoreState.REMOVED:
        return True
    if view.evacuation is not None or view.evacuated in (None, before.evacuated):
        return False
    return not (remove and view.evacuated.empty)


def _end(view: StoreView) -> str:
    if view.state is StoreState.REMOVED:
        return f"{view.name} is removed"
    left = "empty" if view.evacuated and view.evacuated.empty else "not empty: it was stopped"
    return f"{view.name} is {left} ({view.state})"


def _move(move: PlannedMove) -> Row:
    possible = "yes" if move.possible else "NO"
    return (move.object, figures.size(move.size), move.to_store_id, possible, move.reason)
