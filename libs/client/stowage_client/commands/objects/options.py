"""Options of the commands about objects."""

from pathlib import Path
from typing import Annotated

import typer
from stowage_contracts.values import HypervisorKind, ImageFormat

Format = Annotated[ImageFormat, typer.Option("--format", "-f", help="What it must be.")]
Url = Annotated[
    str | None,
    typer.Argument(help="http or https; s3:// or swift:// names an object on a known store."),
]
File = Annotated[
    Path | None, typer.Option("--upload", metavar="FILE", help="Send this file instead.")
]
Stores = Annotated[
    list[str] | None, typer.Option("--store", help="A store that must get it; may be repeated.")
]
Zone = Annotated[str | None, typer.Option(help="One zone; otherwise the region.")]
Region = Annotated[bool, typer.Option("--region", help="The region: every zone.")]
Copies = Annotated[
    str | None, typer.Option(metavar="MIN[:MAX]", help="On how many stores to keep it.")
]
Tags = Annotated[list[str] | None, typer.Option("--tag", help="May be repeated.")]
NewTags = Annotated[
    list[str] | None, typer.Option("--tag", help="All its tags from now on; may be repeated.")
]
Checksum = Annotated[str | None, typer.Option(help="algorithm:hex of the bytes.")]
InPlace = Annotated[
    bool, typer.Option("--in-place", help="Leave an object of a known store where it is.")
]
Hypervisor = Annotated[HypervisorKind | None, typer.Option(help="Of a template; KVM when missing.")]
Volume = Annotated[str | None, typer.Option(help="Of a snapshot: the volume it was taken of.")]
Parent = Annotated[str | None, typer.Option(help="Of a snapshot: the one this one stands on.")]


def least_and_most(copies: str | None) -> dict[str, int]:
    """``min_copies`` and ``max_copies`` of ``MIN[:MAX]``; none of them when not given."""
    if copies is None:
        return {}
    least, colon, most = copies.partition(":")
    if not least.isdecimal() or (colon and not most.isdecimal()):
        raise typer.BadParameter(f"{copies!r} is not MIN or MIN:MAX", param_hint="--copies")
    return {"min_copies": int(least), **({"max_copies": int(most)} if colon else {})}
