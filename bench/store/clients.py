"""What everybody has: the commands that put and get a batch on a store of some kind."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from bench.data.processes import Cost, timed
from bench.store.batch import Batch

TRANSFERS = "4"
"""As many at a time as an agent has hops."""


class Client(Protocol):
    """One way to use a store. ``place`` is a prefix of names on it."""

    @property
    def who(self) -> str:
        """Its name."""
        ...

    @property
    def needs_folder(self) -> bool:
        """Whether ``place`` must be there before it is written to."""
        ...

    def put(self, batch: Batch, place: str) -> Cost:
        """Files to objects."""
        ...

    def get(self, batch: Batch, place: str, folder: Path) -> Cost:
        """Objects to files in ``folder``, flat."""
        ...


def synced(files: Sequence[Path]) -> Cost:
    """What makes files durable, and then known."""
    return timed(["sync", *map(str, files)]) + summed(files)


def summed(files: Sequence[Path]) -> Cost:
    """The digest that a transfer must be checked against, by the quickest that everybody has:
    sha256sum takes three times as long where the processor knows SHA-256."""
    return timed(["openssl", "dgst", "-sha256", *map(str, files)])


@dataclass(frozen=True)
class Rclone:
    """With parts as large as ours and as many connections, and no digest but of parts."""

    remote: str
    """``bench:container``."""
    env: Mapping[str, str]
    flags: tuple[str, ...] = ()
    who: str = "rclone"
    needs_folder: bool = False

    def put(self, batch: Batch, place: str) -> Cost:
        return self._run(["copy", str(batch.folder), f"{self.remote}/{place}", *self.flags])

    def get(self, batch: Batch, place: str, folder: Path) -> Cost:
        return self._run(["copy", f"{self.remote}/{place}", str(folder)])

    def _run(self, command: list[str]) -> Cost:
        usual = ["-q", "--transfers", TRANSFERS, "--ignore-checksum"]
        return timed(["rclone", *command, *usual], environment=self.env)


@dataclass(frozen=True)
class Curl:
    """Whole objects, by URLs that were signed before; in parallel when there are several."""

    sign: Callable[[str, str], str]
    """Verb and name to a URL."""
    headers: tuple[str, ...] = ()
    who: str = "curl"
    needs_folder: bool = False

    def put(self, batch: Batch, place: str) -> Cost:
        """With the MD5 that the others compare with the server's ETag by themselves."""
        known = timed(["openssl", "dgst", "-md5", *map(str, batch.files)])
        return known + self._run(
            f'url = "{self.sign("PUT", f"{place}/{file.name}")}"\nupload-file = "{file}"\n'
            for file in batch.files
        )

    def get(self, batch: Batch, place: str, folder: Path) -> Cost:
        return self._run(
            f'url = "{self.sign("GET", f"{place}/{file.name}")}"\noutput = "{folder / file.name}"\n'
            for file in batch.files
        )

    def _run(self, transfers: Iterable[str]) -> Cost:
        told = "".join([*(f'header = "{header}"\n' for header in self.headers), *transfers])
        usual = ["-sSf", "--no-progress-meter", "-Z", "--parallel-max", TRANSFERS, "-K", "-"]
        return timed(["curl", *usual], told)


@dataclass(frozen=True)
class SwiftClient:
    """OpenStack's own, with segments as large as ours."""

    program: Path
    container: str
    env: Mapping[str, str]
    segment: int
    who: str = "swift"
    needs_folder: bool = False

    def put(self, batch: Batch, place: str) -> Cost:
        command = ["upload", self.container, str(batch.folder), "--object-name", place]
        segments = ["--segment-size", str(self.segment), "--use-slo"]
        threads = ["--object-threads", TRANSFERS, "--segment-threads", "6"]
        return self._run([*command, *segments, *threads])

    def get(self, batch: Batch, place: str, folder: Path) -> Cost:
        command = ["download", self.container, "--prefix", f"{place}/", "--remove-prefix"]
        return self._run([*command, "-D", str(folder), "--object-threads", TRANSFERS])

    def _run(self, command: list[str]) -> Cost:
        return timed([str(self.program), "-q", *command], environment=self.env)


@dataclass(frozen=True)
class NfsCp:
    """libnfs's own copy, one file a process, four at a time."""

    url: Callable[[str], str]
    who: str = "nfs-cp"
    needs_folder: bool = True

    def put(self, batch: Batch, place: str) -> Cost:
        return self._run((str(f), self.url(f"{place}/{f.name}")) for f in batch.files)

    def get(self, batch: Batch, place: str, folder: Path) -> Cost:
        return self._run((self.url(f"{place}/{f.name}"), str(folder / f.name)) for f in batch.files)

    def _run(self, pairs: Iterable[tuple[str, str]]) -> Cost:
        words = "\n".join(word for pair in pairs for word in pair)
        return timed(["xargs", "-P", TRANSFERS, "-n", "2", "nfs-cp"], words)


@dataclass(frozen=True)
class Cp:
    """On file systems."""

    root: Path
    who: str = "cp"
    needs_folder: bool = False

    def put(self, batch: Batch, place: str) -> Cost:
        return timed(["cp", "-r", str(batch.folder), str(self.root / place)])

    def get(self, batch: Batch, place: str, folder: Path) -> Cost:
        return timed(["cp", "-rT", str(self.root / place), str(folder)])
