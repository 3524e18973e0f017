"""Each case: what Stowage and its rivals move, from where to where."""

from __future__ import annotations

import asyncio
import hashlib
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pydantic import SecretStr
from stowage_contracts.grants import FetchRules, Grant

from bench.data import rivals
from bench.data.bucket import Bucket
from bench.data.images import Image
from bench.data.mover import Job, Took
from bench.data.processes import Cost, timed
from bench.data.rivals import Rival
from bench.report import Row

LOOPBACK = FetchRules(allow=("127.0.0.0/8",))
MIB = 1 << 20
Clean = Callable[[], Awaitable[None]]


@dataclass(frozen=True)
class Place:
    """Where things are."""

    folder: Path
    """Results are written here."""
    web: str
    bucket: Bucket

    @property
    def part(self) -> Path:
        """Where Stowage writes a file."""
        return self.folder / ".stowage" / "h.1.part"

    @property
    def result(self) -> Path:
        """Where a rival writes a file."""
        return self.folder / "result"


async def http_to_file(image: Image, place: Place) -> list[Row]:
    """A user's URL onto a file system."""
    url = f"{place.web}/{image.path.name}"
    job = Job(
        source=_read(url),
        destination=_part(place),
        rules=LOOPBACK,
        roots=(str(place.folder),),
        checksum=checksum(image.path),
    )
    others = [
        Rival("curl", rivals.curl(url, place.result)),
        Rival(
            "rclone",
            rivals.rclone(
                f":http:{image.path.name}",
                str(place.result),
                place.result,
                {"RCLONE_HTTP_URL": place.web, "RCLONE_CONFIG": "/dev/null"},
            ),
        ),
        Rival("cp", rivals.cp(image.path, place.result)),
        Rival("ceiling", rivals.curl_nowhere(url)),
    ]
    return [await _moved("HTTP to file", image, job, place), *_each(others, image, place)]


async def s3_to_file(image: Image, place: Place) -> list[Row]:
    """An object of a store onto a file system."""
    bucket, key = place.bucket, f"read/{image.path.name}"
    await asyncio.to_thread(
        timed,
        [
            "rclone",
            "copyto",
            "--s3-no-check-bucket",
            "-q",
            str(image.path),
            f"bench:{bucket.name}/{key}",
        ],
        "",
        bucket.rclone,
    )
    grant = await bucket.read(key)
    assert grant.uri is not None
    url = grant.uri.get_secret_value()
    job = Job(
        source=grant,
        destination=_part(place),
        roots=(str(place.folder),),
        checksum=checksum(image.path),
    )
    remote = f"bench:{bucket.name}/{key}"
    others = [
        Rival("curl", rivals.curl(url, place.result)),
        Rival("rclone", rivals.rclone(remote, str(place.result), place.result, bucket.rclone)),
        Rival("ceiling", rivals.curl_nowhere(url)),
    ]
    rows = [await _moved("S3 to file", image, job, place), *_each(others, image, place, "S3")]
    await bucket.driver.delete(key)
    return rows


async def file_to_s3(image: Image, place: Place) -> list[Row]:
    """A file into a store; a rival's result is checked by the checksum of its source."""
    bucket, key = place.bucket, f"write/{image.path.name}"
    grant = await bucket.write(key, image.size)
    job = Job(
        source=_file(image.path),
        destination=grant,
        roots=(str(image.path.parent),),
        checksum=checksum(image.path),
    )
    row = await _moved("file to S3", image, job, place)
    await bucket.commit(key, grant, image.size)
    await bucket.driver.delete(key)
    remote = f"bench:{bucket.name}/{key}"
    uploads = rivals.rclone(str(image.path), remote, image.path, bucket.rclone)
    ceiling = Rival("ceiling", rivals.sha256sum(image.path))
    rows = [row]
    for rival in (Rival("rclone", uploads), ceiling):
        rows.append(_row(f"file to S3, {image.name}", rival.who, rival.move(), image))
        await bucket.driver.delete(key)
    return rows


def checksum(path: Path) -> str:
    """The declared checksum."""
    with path.open("rb") as file:
        return f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"


async def _moved(case: str, image: Image, job: Job, place: Place) -> Row:
    command = [sys.executable, "-m", "bench.data.mover"]
    cost = await asyncio.to_thread(timed, command, job.model_dump_json())
    took = Took.model_validate_json(cost.output)
    for left in place.part.parent.glob("*"):
        left.unlink()
    inside = Cost(took.seconds, took.cpu_seconds, took.peak_mib)
    return _row(f"{case}, {image.name}", "stowage", inside, image)


def _each(others: list[Rival], image: Image, place: Place, scheme: str = "HTTP") -> list[Row]:
    rows = []
    for rival in others:
        rows.append(_row(f"{scheme} to file, {image.name}", rival.who, rival.move(), image))
        place.result.unlink(missing_ok=True)
    return rows


def _row(case: str, who: str, cost: Cost, image: Image) -> Row:
    rate = image.size / MIB / cost.seconds
    per_gib = cost.cpu_seconds / (image.size / (1 << 30))
    figures = {"mib_per_s": rate, "cpu_seconds_per_gib": per_gib}
    return Row(case, who, cost.seconds, cost.cpu_seconds, cost.peak_mib, figures)


def _soon() -> datetime:
    return datetime.now(UTC) + timedelta(hours=1)


def _read(url: str) -> Grant:
    return Grant(uri=SecretStr(url), expires=_soon())


def _file(path: Path) -> Grant:
    return Grant(uri=SecretStr(path.as_uri()), expires=_soon())


def _part(place: Place) -> Grant:
    return Grant(uri=SecretStr(place.part.as_uri()), writes=True, expires=_soon())
