"""Services installed alone: only what they ask for, into environments that hold nothing else."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from deploy import subset
from tests.servers.process import run

PIP: tuple[str | Path, ...] = (sys.executable, "-m", "pip", "-q", "--disable-pip-version-check")
SECONDS = 300.0


@dataclass(frozen=True)
class Wheelhouse:
    """Wheels of everything some services need: third parties' as locked, ours as built now."""

    folder: Path

    @classmethod
    def filled(cls, folder: Path, services: Iterable[str]) -> Wheelhouse:
        """Fetch and build; each third party's wheel has a hash of the lock."""
        names = sorted(services)
        sections = subset.sections("".join(subset.locked(name) for name in names))
        lock = folder / "all.lock"
        lock.write_text("".join(sections.values()))
        run([*PIP, "download", "--require-hashes", "-r", lock, "-d", folder], SECONDS)
        ours = sorted({path for name in names for path in subset.ours(name)})
        build = (*PIP, "wheel", "--no-deps", "--no-build-isolation", "-w", folder)
        run([*build, *ours], SECONDS)
        return cls(folder)

    def install(self, service: str, into: Path) -> Installed:
        """A new environment with that service and nothing it does not ask for."""
        run([sys.executable, "-m", "venv", "--without-pip", into], 60)
        lock = self.folder / f"{service}.lock"
        lock.write_text(subset.locked(service))
        pip = (*PIP, "--python", into, "install", "--no-compile", "--no-index")
        run([*pip, "--find-links", self.folder, "--require-hashes", "-r", lock], SECONDS)
        ours = [self._wheel(folder.name) for folder in subset.ours(service)]
        run([*pip, "--no-deps", *ours], SECONDS)
        return Installed(service, into)

    def _wheel(self, name: str) -> Path:
        (found,) = self.folder.glob(f"stowage_{name.replace('-', '_')}-*.whl")
        return found


@dataclass(frozen=True)
class Installed:
    """An environment that holds one service."""

    service: str
    folder: Path

    def packages(self) -> set[str]:
        """Names of all that is installed."""
        found = self.folder.glob("lib/python*/site-packages/*.dist-info")
        return {path.name.partition("-")[0].replace("_", "-").lower() for path in found}

    def check(self) -> None:
        """Raises ServerError when a package lacks what it says it needs."""
        run([*PIP, "--python", self.folder, "check"], 60)

    async def start(self, verb: str, env: dict[str, str], log: Path) -> asyncio.subprocess.Process:
        """Run the service's own command, its output appended to ``log``."""
        with log.open("ab") as out:
            return await asyncio.create_subprocess_exec(
                self.folder / "bin" / f"stowage-{self.service}",
                verb,
                env=env,
                cwd=self.folder,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=out,
                stderr=out,
            )
