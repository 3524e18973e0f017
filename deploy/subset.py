"""The part of requirements.lock that one service or package needs, its hashes kept.

    python deploy/subset.py locked image-store    what pip is to fetch
    python deploy/subset.py ours image-store      our folders, to install without dependencies

A name that is none of our services' is a locked package's, such as hatchling. It needs only
Python, as it runs before anything is installed.
"""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
REQUIREMENT = re.compile(r"([A-Za-z0-9._-]+)(?:\[([^\]]*)\])?")
Projects = Mapping[str, Path]
"""Our packages' folders by their names."""


def projects(root: Path) -> Projects:
    """Every package of the workspace."""
    files = [*root.glob("libs/*/pyproject.toml"), *root.glob("services/*/pyproject.toml")]
    return {f"stowage-{path.parent.name}": path.parent for path in sorted(files)}


def needs(name: str, extras: str, known: Projects) -> Iterator[str]:
    """One of our packages and all it needs directly or through others of ours."""
    yield name
    project = tomllib.loads((known[name] / "pyproject.toml").read_text())["project"]
    options = project.get("optional-dependencies", {})
    asked = [line for extra in extras.split(",") for line in options.get(extra.strip(), ())]
    for text in [*project.get("dependencies", ()), *asked]:
        wanted, more = _parsed(text)
        if wanted in known:
            yield from needs(wanted, more, known)
        else:
            yield wanted


def sections(lock: str) -> dict[str, str]:
    """The text of each locked package."""
    blocks = re.split(r"^(?=[a-z0-9])", lock, flags=re.MULTILINE)
    return {block.partition("==")[0]: block for block in blocks if "==" in block}


def closure(wanted: set[str], locked: Mapping[str, str]) -> set[str]:
    """Those packages and all that is in the lock because of them."""
    found = set(wanted)
    asked_by = {name: _asked_by(text) for name, text in locked.items()}
    while more := {name for name, by in asked_by.items() if by & found} - found:
        found |= more
    return found


def _asked_by(section: str) -> set[str]:
    notes = [line.strip(" #") for line in section.splitlines() if line.lstrip().startswith("#")]
    return {name for note in notes for name in note.removeprefix("via").split()}


def _parsed(text: str) -> tuple[str, str]:
    match = REQUIREMENT.match(text)
    if match is None:
        raise ValueError(f"not a requirement: {text}")
    return re.sub(r"[-_.]+", "-", match[1]).lower(), match[2] or ""


def locked(name: str, root: Path = ROOT) -> str:
    """The lock of one service, or of one locked package."""
    known, everything = projects(root), sections((root / "requirements.lock").read_text())
    own = f"stowage-{name}"
    direct = set(needs(own, "", known)) if own in known else {name}
    third_party = direct - set(known)
    if lacking := third_party - set(everything):
        raise KeyError(f"requirements.lock lacks {', '.join(sorted(lacking))}: run `make lock`")
    wanted = closure(third_party, everything)
    return "".join(text for package, text in everything.items() if package in wanted)


def ours(name: str, root: Path = ROOT) -> list[Path]:
    """Folders of our packages that a service consists of, its own among them."""
    known = projects(root)
    return [known[each] for each in sorted(set(needs(f"stowage-{name}", "", known)) & set(known))]


def main(arguments: list[str]) -> None:
    """Command line."""
    match arguments:
        case ["locked", name]:
            sys.stdout.write(locked(name))
        case ["ours", name]:
            sys.stdout.writelines(f"{folder}\n" for folder in ours(name))
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
