"""A transport VM booted by the bare command, as its README tells, without any of our services."""

from __future__ import annotations

import fcntl
import secrets
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from tests.servers.transport_vms import TransportVms

MEBI = 1 << 20
QEMU = "qemu-system-x86_64"


@dataclass(frozen=True)
class Guest:
    """One running VM."""

    process: subprocess.Popen[bytes]
    console: Path

    def said(self, word: str, seconds: float = 60) -> str:
        """The console's first line of init with that word, waited for."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            for line in self.console.read_text(errors="replace").splitlines():
                if line.startswith("stowage-vm") and word in line:
                    return line
            ended = self.process.poll() is not None
            assert not ended or word in self.console.read_text(errors="replace"), (
                self.console.read_text()
            )
            time.sleep(0.05)
        raise AssertionError(f"no {word} in {seconds} s: {self.console.read_text()}")

    def ends(self, seconds: float = 30) -> None:
        """By itself."""
        self.process.wait(seconds)


@dataclass(frozen=True)
class Boot:
    """What a VM is started with."""

    host: TransportVms
    folder: Path
    disk: Path | None = None
    mebibytes: int = 160
    initrd: Path | None = None
    """For UML; the image's own without one."""

    def disk_of(self, size: int) -> Boot:
        """The same with a new blank disk."""
        disk = self.folder / f"disk-{secrets.token_hex(3)}"
        with disk.open("wb") as file:
            file.truncate(size)
        return replace(self, disk=disk)

    @contextmanager
    def uml(self, *arguments: str) -> Iterator[Guest]:
        """By User Mode Linux, until the block ends: then it is killed."""
        with self._tap() as tap:
            disk = [f"ubd0={self.disk}"] if self.disk else []
            words = [
                *("unshare", "-pf", "--kill-child=KILL", "--mount-proc"),
                *(str(self.host.image / "linux.uml"), f"mem={self.mebibytes}M"),
                f"initrd={self.initrd or self.host.image / 'initrd.cpio'}",
                *("rdinit=/init", "rootfstype=tmpfs", "quiet", "con0=null,fd:1", "con=null"),
                *disk,
                f"vec0:transport=tap,ifname={tap},depth=128,gro=1",
                *(f"uml_dir={self.folder}/", f"umid={tap}", "panic=-1"),
            ]
            with self._running([*words, *arguments]) as guest:
                yield guest

    @contextmanager
    def qemu(self, *arguments: str, options: Sequence[str] = ()) -> Iterator[Guest]:
        """By QEMU without KVM, which may be there and not work."""
        with self._tap() as tap:
            words = [
                *(QEMU, "-M", "q35", "-accel", "tcg,thread=multi", "-cpu", "max", "-m", "256"),
                *("-nodefaults", "-no-user-config", "-display", "none", "-no-reboot"),
                *("-serial", "stdio", "-device", "virtio-net-pci,netdev=n0"),
                *("-netdev", f"tap,id=n0,ifname={tap},script=no,downscript=no"),
                *(
                    ("-append", f"console=ttyS0 quiet panic=-1 {' '.join(arguments)}")
                    if arguments
                    else ()
                ),
                *options,
            ]
            with self._running(words) as guest:
                yield guest

    def kernel(self) -> list[str]:
        """QEMU's options for the image's kernel and this disk, and where it takes orders."""
        return [
            *("-kernel", str(self.host.image / "vmlinuz")),
            *("-initrd", str(self.host.image / "initrd.zst")),
            *("-drive", f"if=none,id=data,file={self.disk},format=raw,discard=unmap"),
            *("-device", "virtio-blk-pci,drive=data"),
            *("-qmp", f"unix:{self.folder / 'qmp'},server=on,wait=off"),
        ]

    @contextmanager
    def _tap(self) -> Iterator[str]:
        tap = self.host.tap(f"t{secrets.token_hex(4)}")
        try:
            yield tap
        finally:
            self.host.inside("link", "delete", tap)

    @contextmanager
    def _running(self, words: Sequence[str]) -> Iterator[Guest]:
        console = self.folder / f"console-{secrets.token_hex(3)}"
        argv = ["ip", "netns", "exec", self.host.namespace, *words]
        with console.open("wb") as out:
            process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        try:
            yield Guest(process, console)
        finally:
            process.kill()
            process.wait(20)
            _until_free(self.disk)


def _until_free(disk: Path | None, seconds: float = 20) -> None:
    """What is left of a killed UML ends a moment later; until then it locks its disk."""
    end = time.monotonic() + seconds
    while disk and disk.exists() and _locked(disk):
        assert time.monotonic() < end, f"{disk} is still held"
        time.sleep(0.05)


def _locked(disk: Path) -> bool:
    with disk.open("r+b") as file:
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return True
    return False
