"""Debian packages, fetched and unpacked by an apt of our own: nothing of the machine changes."""

from __future__ import annotations

import re
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from vm_image.tools import BuildError, run

NEVER = re.compile(r"lib(perl|python|systemd-shared|icu|llvm)")
"""Libraries that come with dependencies nothing of ours needs, and are big."""


@dataclass(frozen=True)
class Unpacked:
    """A folder of unpacked packages, and which they are."""

    root: Path
    versions: dict[str, str]

    def find(self, pattern: str) -> Path:
        """The one file or folder that matches. Raises BuildError when there is not just one."""
        found = sorted(self.root.glob(pattern))
        if len(found) != 1:
            raise BuildError(f"expected one {pattern} in the packages, found {len(found)}")
        return found[0]

    def first(self, *patterns: str) -> Path:
        """The first file that matches any of these. Raises BuildError when none does."""
        for pattern in patterns:
            for found in sorted(self.root.glob(pattern)):
                return found
        raise BuildError(f"the packages have none of {' '.join(patterns)}")


def fetch(packages: Iterable[str], work: Path) -> Unpacked:
    """Fetch packages with all they depend on, and unpack them without running their scripts.

    Where the packages come from is what this machine's apt trusts. Root is not needed.
    """
    names = list(packages)
    options = _own_state(work / "apt")
    run(["apt-get", "-qq", *options, "update"], 300)
    run(["apt-get", "-qq", *options, "--download-only", "install", *names], 600)
    root = work / "root"
    root.mkdir()
    debs = sorted((work / "apt" / "archives").glob("*.deb"))
    wanted = [deb for deb in debs if _wanted(deb.name.partition("_")[0], names)]
    with ThreadPoolExecutor(max_workers=2) as pool:
        list(pool.map(lambda deb: run(["dpkg-deb", "-x", deb, root], 300), wanted))
    return Unpacked(root, dict(_version(deb) for deb in wanted))


def _version(deb: Path) -> tuple[str, str]:
    """Package and version as apt names the file; what a file name can't have is quoted."""
    name, version, _ = deb.name.split("_", 2)
    return name, unquote(version)


def _own_state(folder: Path) -> list[str]:
    """Options by which apt keeps lists and packages here and believes nothing is installed."""
    for name in ("lists/partial", "archives/partial"):
        (folder / name).mkdir(parents=True)
    status = folder / "status"
    status.touch()
    settings = {
        "Dir::State": folder,
        "Dir::State::lists": folder / "lists",
        "Dir::State::status": status,
        "Dir::Cache": folder,
        "Dir::Cache::archives": folder / "archives",
        "APT::Install-Recommends": "false",
        "APT::Get::Assume-Yes": "true",
        "APT::Sandbox::User": "",
        "Debug::NoLocking": "true",
        "Acquire::Retries": "3",
        "Acquire::Languages": "none",
    }
    return [word for name, value in settings.items() for word in ("-o", f"{name}={value}")]


def _wanted(name: str, asked: list[str]) -> bool:
    if name in asked or name.startswith("linux-image-"):
        return True
    return name.startswith("lib") and not NEVER.match(name)
