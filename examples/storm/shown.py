"""The screen of a storm: the fleet and its VMs while it blows, the reasons when it is over."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager

from rich.console import Console
from rich.live import Live
from rich.table import Table
from stowage_client import Client
from stowage_client.board import Board, changes
from stowage_client.commands import figures
from stowage_client.commands.drawing import drawn

from examples.storm.blowing import FLEET, Storm

MOST = 200


@asynccontextmanager
async def shown(client: Client, console: Console) -> AsyncIterator[None]:
    """The fleet, live on a terminal and in lines elsewhere, until the context is left."""
    board = Board(FLEET)
    following = asyncio.create_task(_follow(client, board, console))
    try:
        if console.is_terminal:
            with Live(get_renderable=lambda: drawn(board), console=console):
                yield
        else:
            yield
    finally:
        following.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await following


async def _follow(client: Client, board: Board, console: Console) -> None:
    async with aclosing(changes(client, board)) as told:
        async for line in told:
            if line is not None and not console.is_terminal:
                text = f"{line.at.astimezone():%H:%M:%S}  {line.about}  {line.text}"
                console.print(text, soft_wrap=True, highlight=False, markup=False)


async def tell(client: Client, console: Console, storm: Storm) -> None:
    """Why the fleet was as large as it was, and how the copies went."""
    table = Table("when", "decided", "about", "why", title="why", box=None)
    for each in reversed((await client.fleets.explain(FLEET)).decisions[:MOST]):
        table.add_row(f"{each.at.astimezone():%H:%M:%S}", each.kind, each.subject, each.reason)
    console.print(table)
    ways, waited = Counter[str](), []
    for copy_id in storm.copies:
        view = await client.copies.show(copy_id)
        ways[f"{view.strategy}, {len(view.hops)} hops"] += 1
        if view.error is not None:
            console.print(f"copy {copy_id} {view.state}: {view.error.cause}", highlight=False)
        if view.finished is not None:
            waited.append((view.finished - view.created).total_seconds())
    for way, count in ways.most_common():
        console.print(f"{count} copies went {way}", highlight=False)
    longest = figures.duration(max(waited, default=None))
    console.print(f"the last was done {longest} after it was asked for", highlight=False)
