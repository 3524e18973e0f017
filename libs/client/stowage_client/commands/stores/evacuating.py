"""stowage store evacuate."""

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


def evacuate(
    context: typer.Context,
    store: StoreId,
    plan: Annotated[bool, typer.Option("--plan", help="Only tell what would move.")] = False,
    remove: Annotated[bool, typer.Option("--remove", help="Then remove the store.")] = False,
    follow: Annotated[bool, typer.Option("--follow", help="Until it is empty.")] = False,
    stop: Annotated[
        bool, typer.Option("--stop", help="Stop one that runs; what is there stays.")
    ] = False,
) -> None:
    """Move everything off a store, verified; nothing is lost when it is interrupted."""
    shell: Shell = context.obj

    async def work(client: Client) -> None:
        if plan + stop + (remove or follow) > 1:
            raise InvalidInput("--plan and --stop stand alone", code="argument")
        if plan:
            await _plan(shell, client, store)
        elif stop:
            shell.show(await client.stores.stop_evacuation(store))
        elif follow:
            await _follow(shell, client, store, remove)
        else:
            shell.show(await client.stores.evacuate(store, remove=remove))

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


async def _follow(shell: Shell, client: Client, store: str, remove: bool) -> None:
    blocked: set[str] = set()

    async def order() -> StoreView:
        return await client.stores.evacuate(store, remove=remove)

    with shown(shell, store) as progress:
        async with aclosing(watched_store(client, store).updates(order)) as updates:
            async for view in updates:
                if view.evacuation is not None:
                    progress.figures(_figures(view.evacuation))
                    _tell_blockers(shell, view.evacuation, blocked)
                if _ended(view, remove):
                    break
    shell.show(view) if shell.json else shell.say(_end(view, remove))


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


def _ended(view: StoreView, remove: bool) -> bool:
    if remove or view.state is StoreState.REMOVED:
        return view.state is StoreState.REMOVED
    return view.evacuation is not None and view.evacuation.objects_left == 0


def _end(view: StoreView, remove: bool) -> str:
    return f"{view.name} is removed" if remove else f"{view.name} is empty ({view.state})"


def _move(move: PlannedMove) -> Row:
    possible = "yes" if move.possible else "NO"
    return (move.object, figures.size(move.size), move.to_store_id, possible, move.reason)
