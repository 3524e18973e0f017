"""Options of several commands about stores."""

from typing import Annotated

import typer

StoreId = Annotated[str, typer.Argument(metavar="STORE", help="Its id.")]
Set = Annotated[
    list[str] | None, typer.Option("--set", help="name=value, a setting of the provider.")
]
SecretFrom = Annotated[
    list[str] | None,
    typer.Option("--secret", help="name=@file, name=env:VARIABLE or name=- (asked, or stdin)."),
]
BareSecret = Annotated[
    list[str] | None,
    typer.Option(help="name=value, if you accept that everybody on this machine sees it."),
]
Tags = Annotated[
    list[str] | None, typer.Option("--tag", help="For placement rules; may be repeated.")
]
