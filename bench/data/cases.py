"""Each case: what Stowage and its rivals move, from where to where."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pydantic import SecretStr
from stowage_contracts.grants import FetchRules, Grant
from stowage_contracts.values import ImageFormat

from bench.data import ceilings, rivals
from bench.data.images import Image, spread
from bench.data.mover import Job, Took
from bench.data.processes import Cost, timed
from bench.data.rivals import Rival
from bench.report import Row

LOOPBACK = FetchRules(allow=("127.0.0.0/8",))
MIB = 1 << 20
RAW, QCOW2 = ImageFormat.RAW, ImageFormat.QCOW2
VAST = 8 << 40


@dataclass(frozen=True)
class Place:
    """Where things are."""

    folder: Path
    """Results are written here."""
    images: Path
    web: str

    @property
    def part(self) -> Path:
        """Where Stowage writes a file."""
        return self.folder / ".stowage" / "h.1.part"

    @property
    def result(self) -> Path:
        """Where a rival writes a file."""
        return self.folder / "result"

    @property
    def roots(self) -> tuple[str, ...]:
        """What an agent must see."""
        return (str(self.folder), str(self.images))

    def url(self, image: Image) -> str:
        """Of a raw image."""
        return f"{self.web}/{image.path.relative_to(self.images)}"


@dataclass(frozen=True)
class Case:
    """One thing to do, and who else can."""

    name: str
    image: Image
    job: Job
    others: tuple[Rival, ...]

    async def turn(self, place: Place) -> list[Row]:
        """Stowage first, then each rival."""
        cost = await asyncio.to_thread(moved, self.job)
        clean(place)
        rows = [row(self.name, "stowage", cost, self.image)]
        for rival in self.others:
            try:
                cost = await asyncio.to_thread(rival.move)
                rows.append(row(self.name, rival.who, cost, self.image))
            except subprocess.CalledProcessError as error:
                sys.stderr.write(f"{self.name}: {rival.who} gave up ({error.returncode})\n")
            clean(place)
        return rows


def over_http(image: Image, place: Place) -> Iterable[Case]:
    """A user's URL with a declared checksum onto a file system, and into a qcow2."""
    url, path = place.url(image), place.result
    job = Job(
        source=_grant(url),
        destination=_part(place),
        rules=LOOPBACK,
        roots=place.roots,
        checksum=image.sha256,
    )
    yield Case(
        f"HTTP to file, {image.name}",
        image,
        job,
        (
            rivals.curl(url, path),
            rivals.rclone(place.web, str(image.path.relative_to(place.images)), path),
            ceilings.wire(url),
        ),
    )
    yield Case(
        f"HTTP to qcow2, {image.name}",
        image,
        job.model_copy(update={"formats": (RAW, QCOW2)}),
        (
            rivals.curl_then_convert(url, place.folder / "fetched", path),
            rivals.qemu_img(url, path, ("raw", "qcow2")),
        ),
    )


def on_disk(image: Image, place: Place) -> Iterable[Case]:
    """From file to file, converted or not; the source's identity is known and compared."""
    raw, disk, path = image.path, image.qcow2, place.result
    whole = Job(
        source=_grant(raw.as_uri()), destination=_part(place), roots=place.roots, digest=image.tree
    )
    yield Case(
        f"file to file, {image.name}",
        image,
        whole,
        (
            rivals.cp(raw, path),
            rivals.nbdcopy(raw, path, ("raw", "raw"), image.size),
            rivals.qemu_img(raw, path, ("raw", "raw")),
            ceilings.disk_write(path, image.size),
        ),
    )
    yield Case(
        f"raw to qcow2, {image.name}",
        image,
        whole.model_copy(update={"formats": (RAW, QCOW2)}),
        (
            rivals.qemu_img(raw, path, ("raw", "qcow2")),
            rivals.nbdcopy(raw, path, ("raw", "qcow2"), image.size),
        ),
    )
    back = {"source": _grant(disk.as_uri()), "formats": (QCOW2, RAW), "digest": None}
    yield Case(
        f"qcow2 to raw, {image.name}",
        image,
        whole.model_copy(update=back),
        (
            rivals.qemu_img(disk, path, ("qcow2", "raw")),
            rivals.nbdcopy(disk, path, ("qcow2", "raw"), image.size),
        ),
    )


async def vast(place: Place, data: int) -> list[Row]:
    """8 TiB that hold little; and as much data without the holes around it."""
    wide = Image("8 TiB with 1.5 GiB", place.images / "vast.raw", VAST)
    dense = Image("1.5 GiB full", place.images / "dense.raw", data)
    spread(wide.path, VAST, data)
    spread(dense.path, data, data)
    rows = []
    for image in (wide, dense):
        for name, to in (("file to file", RAW), ("raw to qcow2", QCOW2)):
            job = Job(
                source=_grant(image.path.as_uri()),
                destination=_part(place),
                roots=place.roots,
                formats=(RAW, to),
            )
            cost = await asyncio.to_thread(moved, job)
            rows.append(row(f"{name}, {image.name}", "stowage", cost, dense))
            if to is QCOW2:
                rows.append(await _back(image, dense, place))
            clean(place)
    wide.path.unlink()
    dense.path.unlink()
    return rows


async def _back(image: Image, dense: Image, place: Place) -> Row:
    disk = place.part.rename(place.images / "vast.qcow2")
    job = Job(
        source=_grant(disk.as_uri()),
        destination=_part(place),
        roots=place.roots,
        formats=(QCOW2, RAW),
    )
    cost = await asyncio.to_thread(moved, job)
    disk.unlink()
    return row(f"qcow2 to raw, {image.name}", "stowage", cost, dense)


def moved(job: Job) -> Cost:
    """By a process of its own."""
    command = [sys.executable, "-m", "bench.data.mover"]
    took = Took.model_validate_json(timed(command, job.model_dump_json()).output)
    return Cost(took.seconds, took.cpu_seconds, took.peak_mib)


def clean(place: Place) -> None:
    """Nothing is left for the next."""
    for left in (*place.part.parent.glob("*"), place.result, place.folder / "fetched"):
        left.unlink(missing_ok=True)


def row(case: str, who: str, cost: Cost, image: Image) -> Row:
    """With its rates."""
    rate = image.size / MIB / cost.seconds
    per_gib = cost.cpu_seconds / (image.size / (1 << 30))
    figures = {"mib_per_s": rate, "cpu_seconds_per_gib": per_gib}
    return Row(case, who, cost.seconds, cost.cpu_seconds, cost.peak_mib, figures)


def _grant(uri: str) -> Grant:
    return Grant(uri=SecretStr(uri), expires=datetime.now(UTC) + timedelta(hours=6))


def _part(place: Place) -> Grant:
    return _grant(place.part.as_uri()).model_copy(update={"writes": True})
