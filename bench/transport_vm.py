"""python -m bench.transport_vm: what a transport VM costs, and what NFS by it and by a host reach.

Build, boot until a mount answers, memory, put and get of one large file through a VM (User Mode
Linux; QEMU without KVM) and through nfs-ganesha on the host, and what an export that answers
before its disk would gain and lose. Needs root. Ratios within a run count.
"""

from __future__ import annotations

import argparse
import asyncio
import filecmp
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from bench.data.processes import Cost
from bench.data_plane import medians
from bench.report import Row, machine, show, write
from bench.store import batch, places
from bench.store.clients import NfsCp
from bench.store.places import Place
from bench.store.transfers import Course
from tests.integration.transport_vm.guest import Boot, Guest
from tests.integration.transport_vm.rpc import Caller
from tests.servers.apt import provide
from tests.servers.process import run
from tests.servers.transport_vms import QEMU, SOURCE, TransportVms

GIB = 1 << 30
SYNC = b'options="rw,sync,no_root_squash,no_subtree_check,insecure"'
ASYNC = b'options="rw,async,no_root_squash,no_subtree_check,secure" '
KINDS = ("uml", "qemu")


@dataclass(frozen=True)
class Plan:
    """How much is measured."""

    size: int
    turns: int
    boots: int
    kills: int


FULL = Plan(GIB // 2, 3, 5, 10)
QUICK = Plan(GIB // 16, 1, 1, 2)


@dataclass(frozen=True)
class Lab:
    """Where VMs run, one after the other."""

    host: TransportVms
    folder: Path
    plan: Plan
    number: int = 10

    @property
    def address(self) -> str:
        return self.host.address(self.number)

    def url(self, name: str = "") -> str:
        ports = "version=3&nfsport=2049&mountport=20048"
        return f"nfs://{self.address}/export{name}?{ports}"

    @contextmanager
    def vm(self, kind: str, boot: Boot) -> Iterator[Guest]:
        """One that serves."""
        told = (f"stowage.address={self.address}/24", f"stowage.clients={self.host.network}")
        options = {"options": boot.kernel()} if kind == "qemu" else {}
        with getattr(boot, kind)(*told, **options) as guest:
            yield guest

    def boot(self) -> Boot:
        """256 MiB of memory, a blank disk of 16 GiB."""
        return Boot(self.host, self.folder, mebibytes=256).disk_of(16 * GIB)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, show, and write what --json names."""
    parser = argparse.ArgumentParser("python -m bench.transport_vm", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="less of everything")
    parser.add_argument("--json", type=Path, metavar="FILE", help="where the results go")
    parser.add_argument("--note", default="", help="kept with the machine's facts")
    parser.add_argument("--part", choices=PARTS, action="append", help="only these parts")
    asked = parser.parse_args(arguments)
    provide([QEMU])
    facts, kept = machine(note=asked.note), list[Row]()
    with places.own_servers(), tempfile.TemporaryDirectory(prefix="stowage-") as name:
        host = places.server("transport-vms")
        assert isinstance(host, TransportVms)
        lab = Lab(host, Path(name), QUICK if asked.quick else FULL)
        for part in asked.part or PARTS:
            for row in PARTS[part](lab):
                show(row)
                kept.append(row)
            write(asked.json, facts, kept)


def built(lab: Lab) -> Iterator[Row]:
    """Everything fetched, unpacked and packed anew."""
    begun = time.monotonic()
    out = lab.folder / "image"
    run([SOURCE / "build", out], 300)
    sizes = {path.name: path.stat().st_size / 1e6 for path in sorted(out.iterdir())}
    figures = {f"{name}_mb": size for name, size in sizes.items() if name != "manifest.json"}
    yield Row("build", "stowage", time.monotonic() - begun, 0, 0, figures)


def booted(lab: Lab) -> Iterator[Row]:
    """From the command until a mount is granted; memory as the host sees it then."""
    for kind in KINDS:
        found = []
        for _ in range(lab.plan.boots):
            begun = time.monotonic()
            with lab.vm(kind, lab.boot()):
                _mount(lab)
                seconds = time.monotonic() - begun
                found.append(Row(f"boot until mounted, {kind}", "stowage", seconds, 0, _pss(lab)))
        yield from medians(found)


def moved(lab: Lab) -> Iterator[Row]:
    """A large file to each server and back."""
    made = batch.make(lab.folder / "large", f"{lab.plan.size >> 20} MiB", 1, lab.plan.size)
    for kind in KINDS:
        with lab.vm(kind, lab.boot()) as guest:
            guest.said("ready", 110)
            yield from asyncio.run(_turns(lab, made, _place(lab, f"{kind} VM")))
            yield Row(f"after {made.name} both ways, {kind}", "stowage", 0, 0, _pss(lab))
    yield from asyncio.run(_by_host(lab, made))


def killed(lab: Lab) -> Iterator[Row]:
    """Whether a file that was committed is there after the VM is killed, by either export."""
    data = lab.folder / "data"
    data.write_bytes(batch.make(lab.folder / "small", "one", 1, 8 << 20).files[0].read_bytes())
    for who, boot in (("sync", lab.boot()), ("async", replace(lab.boot(), initrd=_async(lab)))):
        lost, seconds = 0, 0.0
        for number in range(lab.plan.kills):
            with lab.vm("uml", boot) as guest:
                guest.said("ready")
                begun = time.monotonic()
                _copy(data, lab.url(f"/file-{number}"))
                seconds += time.monotonic() - begun
            with lab.vm("uml", boot) as guest:
                guest.said("ready")
                lost += not _came_back(lab, f"/file-{number}", data)
        figures = {"lost": lost, "of": lab.plan.kills}
        yield Row("8 MiB, then killed", who, seconds / lab.plan.kills, 0, 0, figures)


PARTS: dict[str, Callable[[Lab], Iterator[Row]]] = {
    "build": built,
    "boot": booted,
    "move": moved,
    "kill": killed,
}


class FlatNfsCp(NfsCp):
    """Puts files beside each other: there is no folder for its own on that server."""

    def put(self, batch: batch.Batch, place: str) -> Cost:
        return self._run((str(f), self.url(f"{place}-{f.name}")) for f in batch.files)


def _place(lab: Lab, name: str) -> Place:
    side = batch.Side(provider="NFS", settings={"url": f"{lab.url()}&uid=0&gid=0"})
    return Place(name, side, (FlatNfsCp(lambda path: lab.url(f"/{path}")),))


async def _by_host(lab: Lab, made: batch.Batch) -> list[Row]:
    async with places.nfs("export") as place:
        return await _turns(lab, made, replace(place, name="nfs-ganesha on the host"))


async def _turns(lab: Lab, made: batch.Batch, place: Place) -> list[Row]:
    results = lab.folder / "results"
    results.mkdir(exist_ok=True)
    course = Course(place, made, results)
    found = [row for turn in range(lab.plan.turns) for row in await course.put(turn)]
    found += [row for turn in range(lab.plan.turns) for row in await course.get(turn)]
    await course.end()
    return medians(found)


def _mount(lab: Lab) -> None:
    end = time.monotonic() + 120
    while time.monotonic() < end:
        try:
            if Caller(lab.address).mount(b"/export")[0] == 0:
                return
        except (OSError, IndexError):
            time.sleep(0.02)
    raise TimeoutError(f"{lab.address} grants no mount")


def _pss(lab: Lab) -> float:
    """MiB of every process in the namespace; what is shared counts once."""
    spaces = {}
    for pid in run(["ip", "netns", "pids", lab.host.namespace]).split():
        place = Path(f"/proc/{pid}")
        with suppress(FileNotFoundError, ProcessLookupError):  # guests' processes come and go
            # Some of UML's processes are threads of one address space: their maps are the same.
            spaces[(place / "maps").read_bytes()] = (place / "smaps_rollup").read_text()
    lines = [line for text in spaces.values() for line in text.splitlines()]
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024


def _async(lab: Lab) -> Path:
    """The image, but its export answers before the disk has anything."""
    data = (lab.host.image / "initrd.cpio").read_bytes()
    assert data.count(SYNC) == 1, "the init's options are others now"
    changed = lab.folder / "async.cpio"
    changed.write_bytes(data.replace(SYNC, ASYNC))
    return changed


def _came_back(lab: Lab, name: str, data: Path) -> bool:
    back = lab.folder / "back"
    back.unlink(missing_ok=True)
    try:
        _copy(lab.url(name), back)
    except subprocess.CalledProcessError:
        return False
    return filecmp.cmp(back, data, shallow=False)


def _copy(source: Path | str, target: Path | str) -> None:
    subprocess.run(["nfs-cp", source, target], check=True, timeout=120, capture_output=True)


if __name__ == "__main__":
    main()
