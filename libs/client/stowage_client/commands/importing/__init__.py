"""stowage import: taking over another cloud."""

import typer

from stowage_client.commands.importing import cloudstack

app = typer.Typer(help="Take over what another cloud keeps, where it lies.", no_args_is_help=True)
app.command("cloudstack")(cloudstack.import_cloudstack)
