"""Listing many objects: names, sizes and what tells a rewrite, beside the clients' listings."""

from __future__ import annotations

import asyncio
import shutil
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.data.mover import Took
from bench.data.processes import Cost, timed
from bench.report import Row
from bench.store import places
from bench.store.clients import Curl, NfsCp, Rclone
from bench.store.places import Place
from tests.servers.venvs import venv

NAME = "listed"
PAGE = 10_000
PER_FOLDER = 100
# A listing reads a container's rows only, so rows are all that is made: 100,000 PUTs to a Swift
# on this machine take a quarter of an hour.
ROWS = """\
import pathlib, sys
from swift.common.utils import Timestamp
from swift.container.backend import ContainerBroker
root, container, names = pathlib.Path(sys.argv[1]), sys.argv[2], sys.stdin.read().split()
row = {"created_at": Timestamp.now().internal, "size": 1, "content_type": "application/x",
       "etag": "c4ca4238a0b923820dcc509a6f75849b", "deleted": 0, "storage_policy_index": 0,
       "ctype_timestamp": None, "meta_timestamp": None}
for path in root.glob("devices/d1/containers/*/*/*/*.db"):
    broker = ContainerBroker(str(path))
    broker.get_info()
    if broker.container == container:
        broker.merge_items([row | {"name": name} for name in names])
"""


@dataclass(frozen=True)
class Listed:
    """A store full of objects, and other ways to list it: each answers how many it found."""

    place: Place
    rivals: Sequence[tuple[str, Callable[[], Cost]]]


def names(count: int) -> list[str]:
    """Keys in folders, as templates of many accounts would lie."""
    return [f"f{n // PER_FOLDER:05}/{n % PER_FOLDER:03}" for n in range(count)]


def make(folder: Path, count: int) -> Path:
    """Tiny files by those names."""
    for name in names(count):
        path = folder / name
        if name.endswith("/000"):
            path.parent.mkdir(parents=True)
        path.write_bytes(b"1")
    return folder


@asynccontextmanager
async def s3(folder: Path, count: int) -> AsyncIterator[Listed]:
    """A bucket, filled by rclone."""
    async with places.s3(NAME) as place:
        client = next(each for each in place.clients if isinstance(each, Rclone))
        fill = ["copy", str(folder), client.remote, "-q", "--transfers", "16", "--no-traverse"]
        await asyncio.to_thread(timed, ["rclone", *fill], "", client.env)
        yield Listed(place, [("rclone", _rclone(client))])


@asynccontextmanager
async def swift(folder: Path, count: int) -> AsyncIterator[Listed]:
    """A container."""
    async with places.swift(NAME) as place:
        client = next(each for each in place.clients if isinstance(each, Rclone))
        curl = next(each for each in place.clients if isinstance(each, Curl))
        container = client.remote.partition(":")[2]
        here = places.server("swift").directory
        command = [str(venv("swift") / "python"), "-c", ROWS, str(here), container]
        await asyncio.to_thread(timed, command, "\n".join(names(count)))
        yield Listed(place, [("rclone", _rclone(client)), ("curl", lambda: _paged(curl))])


@asynccontextmanager
async def nfs(folder: Path, count: int) -> AsyncIterator[Listed]:
    """An export."""
    async with places.nfs(NAME) as place:
        assert place.folder is not None
        await asyncio.to_thread(timed, ["cp", "-rT", str(folder), str(place.folder)])
        (client,) = (each for each in place.clients if isinstance(each, NfsCp))
        yield Listed(place, [("nfs-ls", lambda: timed(["nfs-ls", "-R", client.url("")]))])
        shutil.rmtree(place.folder)


@asynccontextmanager
async def directory(folder: Path, count: int) -> AsyncIterator[Listed]:
    """The folder itself."""
    find = ["find", str(folder), "-type", "f", "-printf", "%P %s %T@ %i\\n"]
    side = places.directory_side(folder)
    yield Listed(Place("directory", side, (), folder), [("find", lambda: timed(find))])


async def turn(listed: Listed, count: int) -> list[Row]:
    """Stowage, then the others; all must have found everything."""
    command = [sys.executable, "-m", "bench.store.lister"]
    ours = await asyncio.to_thread(timed, command, listed.place.side.model_dump_json())
    took = Took.model_validate_json(ours.output)
    assert took.size == count, f"{took.size} of {count} listed"
    rows = [_row(listed, count, "stowage", Cost(took.seconds, took.cpu_seconds, took.peak_mib))]
    for who, run in listed.rivals:
        cost = await asyncio.to_thread(run)
        found = len(cost.output.splitlines())
        assert found >= count, f"{who} listed {found} of {count}"
        rows.append(_row(listed, count, who, cost))
    return rows


def _row(listed: Listed, count: int, who: str, cost: Cost) -> Row:
    case = f"list {count} objects, {listed.place.name}"
    figures = {"objects_per_s": count / cost.seconds}
    return Row(case, who, cost.seconds, cost.cpu_seconds, cost.peak_mib, figures)


def _rclone(client: Rclone) -> Callable[[], Cost]:
    wanted = ["lsf", "-R", "--files-only", "--fast-list", "--format", "pst"]
    # without the flag rclone asks S3 for each object's own metadata to tell its time
    command = ["rclone", *wanted, "--use-server-modtime", client.remote]
    return lambda: timed(command, environment=client.env)


def _paged(curl: Curl) -> Cost:
    cost, lines, marker = Cost(), [""], ""
    while lines:
        url = curl.sign("GET", "").rstrip("/")
        told = [f'url = "{url}?limit={PAGE}&marker={marker}"\n']
        told += [f'header = "{header}"\n' for header in curl.headers]
        page = timed(["curl", "-sSf", "-K", "-"], "".join(told))
        lines = page.output.splitlines()
        marker = lines[-1] if lines else ""
        cost = Cost(
            cost.seconds + page.seconds,
            cost.cpu_seconds + page.cpu_seconds,
            max(cost.peak_mib, page.peak_mib),
            cost.output + page.output,
        )
    return cost


STORES = {"s3": s3, "swift": swift, "nfs": nfs, "directory": directory}
