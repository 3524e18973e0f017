"""What a host keeps of each transport VM, and where: one folder each, its record written first."""

import os
import shutil
from contextlib import suppress
from pathlib import Path

import structlog
from pydantic import ValidationError
from stowage_contracts.caching import VmSpec
from stowage_contracts.values import Bytes, Id, Instant, Value

RECORD, DISK, CONSOLE = "vm.json", "data.img", "console.log"
log = structlog.get_logger(__name__)


class ProcessMark(Value):
    """One process, never mistaken for a later one of the same number."""

    pid: int
    started: int
    """Clock ticks since the host booted."""
    boot: str
    """The host's boot id."""


class VmRecord(Value):
    """All that is needed to know a VM again."""

    vm_id: Id
    fleet_id: Id
    spec: VmSpec
    ordered: Instant
    address: str = ""
    """With its prefix length."""
    url: str = ""
    """Of its export, told once it serves."""
    disk_bytes: Bytes
    started: bool = False
    """Everything was made; otherwise whoever made it ended before."""
    process: ProcessMark | None = None
    boot_seconds: float | None = None
    """From the order until it first served."""


class Shelf:
    """The folders. Blocking; a record is durable when ``put`` returns, and the last to go."""

    def __init__(self, folder: str) -> None:
        self._folder = Path(folder)

    @property
    def root(self) -> Path:
        """Made when first wanted; others may pass through it, and list nothing."""
        self._folder.mkdir(mode=0o711, parents=True, exist_ok=True)
        return self._folder

    def folder(self, vm_id: str) -> Path:
        """Of one VM, whether it is there or not."""
        return self._folder / vm_id

    def get(self, vm_id: str) -> VmRecord | None:
        """None for one that is not there; a record nobody can read is told and left alone."""
        try:
            return VmRecord.model_validate_json((self.folder(vm_id) / RECORD).read_bytes())
        except (FileNotFoundError, NotADirectoryError):
            return None
        except ValidationError as error:
            log.error("machines.damaged_record", vm=vm_id, problems=error.error_count())
            return None

    def all(self) -> tuple[VmRecord, ...]:
        """Every VM, in order of ids."""
        try:
            names = sorted(entry.name for entry in self._folder.iterdir())
        except FileNotFoundError:
            return ()
        return tuple(record for name in names if (record := self.get(name)) is not None)

    def put(self, record: VmRecord) -> None:
        """Write or replace."""
        folder = self.root / record.vm_id
        with suppress(FileExistsError):
            folder.mkdir(mode=0o700)
            _sync(self._folder)
        new = folder / f"{RECORD}.new"
        number = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
        try:
            os.write(number, record.model_dump_json().encode())
            os.fsync(number)
        finally:
            os.close(number)
        new.replace(folder / RECORD)
        _sync(folder)

    def remove(self, vm_id: str) -> None:
        """Everything of it; idempotent."""
        folder = self.folder(vm_id)
        try:
            entries = [entry for entry in folder.iterdir() if entry.name != RECORD]
        except FileNotFoundError:
            return
        for entry in entries:
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            else:
                entry.unlink(missing_ok=True)
        (folder / RECORD).unlink(missing_ok=True)
        folder.rmdir()
        _sync(self._folder)


def _sync(folder: Path) -> None:
    number = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
