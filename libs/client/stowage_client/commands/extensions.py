"""Commands that installed packages add: entry points of the group ``stowage.command``."""

from collections.abc import Callable, Sequence
from importlib.metadata import EntryPoint, entry_points

import typer

GROUP = "stowage.command"
Main = Callable[[list[str]], None]
"""Gets the arguments after its own name, parses them itself, returns or exits."""


def installed() -> dict[str, EntryPoint]:
    """By command name."""
    return {point.name: point for point in entry_points(group=GROUP)}


def chosen(arguments: Sequence[str], points: dict[str, EntryPoint]) -> Main | None:
    """The extension the line names first, loaded; None when it names none."""
    point = points.get(arguments[0]) if arguments else None
    if point is None:
        return None
    main: Main = point.load()
    return main


def list_in_help(app: typer.Typer, points: dict[str, EntryPoint]) -> None:
    """Show them among the others; they are run before this parser ever sees them."""
    for name, point in points.items():
        package = point.dist.name if point.dist else point.module
        app.command(name, help=f"From {package}.", add_help_option=False)(_never)


def _never() -> None:
    raise AssertionError("extensions are run before the parser")
