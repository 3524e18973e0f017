"""A host that can run transport VMs: their image, and a bridge in a namespace of its own."""

from __future__ import annotations

import fcntl
import hashlib
import os
import secrets
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from stowage_contracts.plugins.machines import MachineSettings
from stowage_contracts.testing.machines_suite import SPEC

BUILDER = Path(__file__).parents[3] / "deploy/transport-vm"
BRIDGE = "br0"


@dataclass(frozen=True)
class VmHost:
    """Where VMs of one test module live; processes outside reach them through a veth."""

    image: Path
    namespace: str
    network: str
    """The first three numbers of its addresses."""

    def settings(self, folder: Path, **options: object) -> MachineSettings:
        """For two VMs."""
        return MachineSettings(
            folder=str(folder),
            image=str(self.image),
            addresses=(f"{self.network}.10/24", f"{self.network}.11/24"),
            bridge=BRIDGE,
            slots=2,
            memory_bytes=4 * SPEC.memory_bytes,
            disk_bytes=8 * SPEC.disk_bytes,
            options={"namespace": self.namespace, "overcommit": 100, **options},
        )

    def taps(self) -> str:
        """Of all VMs; nothing without one."""
        return ip("-n", self.namespace, "-o", "link", "show", "type", "tun")


def ip(*arguments: str) -> str:
    """What the command says."""
    argv = ["ip", *arguments]
    return subprocess.run(argv, check=True, capture_output=True, text=True, timeout=20).stdout


@contextmanager
def vm_host() -> Iterator[VmHost]:
    """One of this process alone."""
    mark = secrets.token_hex(3)
    name, outer, inner = f"stowage-{mark}", f"sv-{mark}a", f"sv-{mark}b"
    image = built_image()
    ip("netns", "add", name)
    try:
        ip("-n", name, "link", "add", BRIDGE, "type", "bridge")
        ip("-n", name, "link", "set", BRIDGE, "up")
        ip("link", "add", outer, "type", "veth", "peer", "name", inner, "netns", name)
        ip("-n", name, "link", "set", inner, "master", BRIDGE, "up")
        network = _address(outer)
        ip("link", "set", outer, "up")
        yield VmHost(image, name, network)
    finally:
        ip("netns", "delete", name)


def _address(device: str) -> str:
    """A network no device has: of those for benchmarks, which lead nowhere."""
    for _ in range(50):
        network = f"198.18.{secrets.randbelow(254) + 1}"
        if network not in ip("-o", "address"):
            ip("address", "add", f"{network}.1/24", "dev", device)
            return network
    raise AssertionError("no network is free")


def built_image() -> Path:
    """The image as the repository makes it, built once for each machine."""
    total = hashlib.sha256()
    for path in sorted([BUILDER / "init", *BUILDER.glob("vm_image/*.py")]):
        total.update(path.read_bytes())
    name = f"stowage-vm-image-{os.getuid()}-{total.hexdigest()[:12]}"
    image = Path(tempfile.gettempdir()) / name
    with image.with_name(f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (image / "manifest.json").exists():
            subprocess.run([BUILDER / "build", image], check=True, timeout=300)
    return image
