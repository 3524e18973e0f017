"""The operator's command: ``stowage``."""

import sys
from collections.abc import Sequence

from stowage_client.commands import app, extensions
from stowage_client.commands.shell import hoisted


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command and exit: 0 done, 1 a problem (printed), 2 wrong usage."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    points = extensions.installed()
    extension = extensions.chosen(given, points)
    if extension is not None:
        extension(given[1:])
        return
    extensions.list_in_help(app, points)
    app(hoisted(given), prog_name="stowage")


if __name__ == "__main__":
    main()
