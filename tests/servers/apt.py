"""Installing Debian packages the servers need, or saying in one line what is missing."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.servers.process import ServerError, run

PLACES = ":".join(
    (os.environ.get("PATH", ""), "/usr/sbin", "/sbin", "/usr/bin", "/usr/lib/rabbitmq/bin")
)
POLICY = Path("/usr/sbin/policy-rc.d")
APT_GET = ("apt-get", "-qq", "-o", "DPkg::Lock::Timeout=600")


@dataclass(frozen=True)
class Requirement:
    """Programs a server runs, and the Debian packages that bring them."""

    programs: tuple[str, ...]
    packages: tuple[str, ...]

    def missing(self) -> list[str]:
        return [name for name in self.programs if find(name) is None]


def find(name: str) -> str | None:
    """Where a program lies, looking also where Debian hides servers from ordinary users."""
    return shutil.which(name, path=PLACES)


def program(name: str) -> str:
    """Where a program lies.

    Raises ServerError when it is nowhere.
    """
    found = find(name)
    if found is None:
        raise ServerError(f"program {name} is missing")
    return found


def provide(requirements: Iterable[Requirement]) -> None:
    """Install what is missing, all in one go.

    Raises ServerError naming programs and packages where we may not install.
    """
    lacking = [requirement for requirement in requirements if requirement.missing()]
    if not lacking:
        return
    packages = sorted({name for requirement in lacking for name in requirement.packages})
    if not may_install():
        programs = " ".join(name for requirement in lacking for name in requirement.missing())
        raise ServerError(f"missing: {programs} (Debian packages: {' '.join(packages)})")
    install(packages)


def may_install() -> bool:
    """Whether we are root on a Debian."""
    return os.geteuid() == 0 and find("apt-get") is not None


def install(packages: Iterable[str]) -> None:
    """Install Debian packages without starting the services they bring."""
    env = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    with _services_kept_down():
        run([*APT_GET, "update"], 300, env)
        run([*APT_GET, "install", "-y", "--no-install-recommends", *packages], 900, env)


def debian_mirror() -> str:
    """The address from which this machine has its Debian packages.

    Raises ServerError when it has none.
    """
    if not _debian_sources():
        run([*APT_GET, "update"], 300)
    sources = _debian_sources()
    if not sources:
        raise ServerError("apt knows no Debian mirror here")
    return sources[0]


def _debian_sources() -> list[str]:
    wanted = ("indextargets", "--format", "$(REPO_URI) $(LABEL)", "Created-By: Packages")
    targets = [line.partition(" ") for line in run(["apt-get", *wanted]).splitlines()]
    return [address for address, _, label in targets if label == "Debian"]


@contextmanager
def _services_kept_down() -> Iterator[None]:
    """Debian starts a server as it installs it; ours are private, so that one must not run."""
    if POLICY.exists():
        yield
        return
    POLICY.write_text("#!/bin/sh\nexit 101\n")
    POLICY.chmod(0o755)
    try:
        yield
    finally:
        POLICY.unlink()
