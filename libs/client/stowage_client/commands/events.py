"""stowage events: what happens, live."""

from typing import Annotated

import typer

from stowage_client.client import Client
from stowage_client.commands.shell import Shell


def events(
    context: typer.Context,
    noun: Annotated[str, typer.Option(help="Only of copy, store, template, host, …")] = "",
    id: Annotated[str, typer.Option(help="Only of the one with this id.")] = "",
    after: Annotated[str, typer.Option(help="Begin after this position; 0-0 for all kept.")] = "",
    count: Annotated[int, typer.Option(help="End after so many; 0 for never.", min=0)] = 0,
) -> None:
    """Follow events until interrupted."""
    shell: Shell = context.obj

    async def work(client: Client) -> None:
        seen = 0
        async with client.events(noun=noun, id=id, after=after) as stream:
            async for event in stream:
                if event is None:
                    _told_of_gap(shell)
                    continue
                if shell.json:
                    shell.line(event.model_dump(mode="json"))
                else:
                    shell.say(f"{event.at:%H:%M:%S}  {event.type:<18} {event.noun}/{event.id}")
                seen += 1
                if seen == count:
                    return

    shell.run(work)


def _told_of_gap(shell: Shell) -> None:
    if not shell.json:
        shell.say("events may have been missed; what follows is whole")
