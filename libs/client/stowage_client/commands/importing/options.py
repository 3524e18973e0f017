"""Options of stowage import."""

from pathlib import Path
from typing import Annotated

import typer

_FROM = "@file, env:VARIABLE or - (asked, or stdin)"
_Several = list[str] | None

DsnText = Annotated[
    str,
    typer.Option(
        "--dsn", envvar="STOWAGE_IMPORT_DSN", help="mysql://user@host:3306/cloud?ssl_ca=file"
    ),
]
Password = Annotated[str | None, typer.Option("--password", help=f"The database user's: {_FROM}.")]
DryRun = Annotated[bool, typer.Option(help="Read and report; change nothing.")]
Properties = Annotated[
    Path | None, typer.Option(help="CloudStack's db.properties, which has the database's key.")
]
Key = Annotated[
    str | None, typer.Option(help=f"The management server's key, which opens it: {_FROM}.")
]
DbSecret = Annotated[str | None, typer.Option(help=f"Instead: the database's key itself: {_FROM}.")]
PlainSecrets = Annotated[bool, typer.Option("--plain-secrets", help="That cloud does not encrypt.")]
StoreSecret = Annotated[
    _Several, typer.Option(help="STORE=@file or STORE/field=@file, not from the database.")
]
StoreAt = Annotated[_Several, typer.Option(help="STORE=/directory: where hosts have it mounted.")]
StoreSet = Annotated[
    _Several, typer.Option("--set", help="STORE:name=value, a setting of its provider.")
]
LeaveOut = Annotated[_Several, typer.Option(help="STORE, not to be taken over.")]
ReadOnly = Annotated[bool, typer.Option("--read-only", help="Let nothing be written to any store.")]
Sizes = Annotated[bool, typer.Option(help="Refuse other lengths than recorded.")]
Checksums = Annotated[bool, typer.Option(help="Refuse other checksums than recorded.")]
Tag = Annotated[_Several, typer.Option(help="For every object; may be repeated.")]
Wait = Annotated[bool, typer.Option(help="Until everything was read.")]
ReportTo = Annotated[
    Path | None, typer.Option("--report", help="Write the whole report there, as JSON.")
]
Deadline = Annotated[
    float, typer.Option(min=1, help="Seconds any one question to the database may take.")
]
