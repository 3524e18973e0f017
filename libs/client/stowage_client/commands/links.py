"""stowage link: list, revoke."""

from typing import Annotated

import typer

from stowage_client.answers import LinkView
from stowage_client.client import Client
from stowage_client.commands import figures
from stowage_client.commands.shell import Row, Shell

app = typer.Typer(help="Download links; 'stowage template link' makes one.", no_args_is_help=True)


@app.command("list")
def list_links(context: typer.Context) -> None:
    """List links, those that ended too; their URLs are kept nowhere."""
    shell: Shell = context.obj

    async def work(client: Client) -> None:
        found = [view async for view in client.links.list()]
        shell.table(found, ("id", "object", "file", "made", "expires", "revoked"), _row)

    shell.run(work)


@app.command("revoke")
def revoke(
    context: typer.Context, link: Annotated[str, typer.Argument(metavar="LINK", help="Its id.")]
) -> None:
    """Give no more access by a link; a presigned URL handed out before lives to its end."""
    shell: Shell = context.obj

    async def work(client: Client) -> None:
        shell.show(await client.links.revoke(link))

    shell.run(work)


def _row(view: LinkView) -> Row:
    times = (figures.when(at) for at in (view.made, view.expires, view.revoked))
    return (view.id, view.object, view.file_name, *times)
