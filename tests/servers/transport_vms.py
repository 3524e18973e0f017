"""Where transport VMs run in tests: their image, and a bridge in a network namespace of its own."""

from __future__ import annotations

import fcntl
import hashlib
import os
import random
import signal
from pathlib import Path
from typing import ClassVar

from tests.servers.apt import Requirement, program
from tests.servers.process import Process, ServerError, run, spawn
from tests.servers.server import Server

REPOSITORY = Path(__file__).resolve().parents[2]
SOURCE = REPOSITORY / "deploy" / "transport-vm"
IMAGES = REPOSITORY / ".servers"
BRIDGE = "br0"
HOLD = ["sleep", "infinity"]
QEMU = Requirement(("qemu-system-x86_64",), ("qemu-system-x86",))
"""For tests that boot VMs by it; it is big."""


class TransportVms(Server):
    """A namespace with a bridge, reached from outside through one veth; needs root.

    Its /24 (of those kept for benchmarks, which lead nowhere) belongs to this run alone. Whoever
    runs VMs makes their taps; all processes in the namespace end with it.
    """

    requirement: ClassVar = Requirement(
        ("ip", "unshare", "zstd", "apt-get", "dpkg-deb", "nfs-cp"),
        ("iproute2", "util-linux", "zstd", "libnfs-utils"),
    )

    def start(self) -> None:
        """Below 1 s, and some 10 s more once for each version of `deploy/transport-vm`."""
        if os.geteuid():
            raise ServerError("network namespaces of the tests need root")
        if not self.record():
            image = built_image()
            mark = f"{random.SystemRandom().randrange(1 << 24):06x}"
            self.remember(image=str(image), mark=mark, network=_free_network())
        self._make_network()
        held = spawn(["ip", "netns", "exec", self.namespace, *HOLD], self.directory / "log")
        self.remember_processes(held)

    def exports(self) -> dict[str, str]:
        return {
            "STOWAGE_TEST_VM_NETWORK": self.network,
            "STOWAGE_TEST_VM_NAMESPACE": self.namespace,
            "STOWAGE_TEST_VM_BRIDGE": BRIDGE,
            "STOWAGE_TEST_VM_IMAGE": str(self.image),
        }

    @property
    def image(self) -> Path:
        """Folder of the built image."""
        return Path(self.record()["image"])

    @property
    def namespace(self) -> str:
        return f"stowage-{self.record()['mark']}"

    @property
    def outside(self) -> str:
        """The interface by which this machine reaches the VMs."""
        return f"sv-{self.record()['mark']}"

    @property
    def network(self) -> str:
        """Its /24; .1 is this machine."""
        return f"{self.record()['network']}.0/24"

    def address(self, number: int) -> str:
        """One of its addresses, without the prefix length."""
        return f"{self.record()['network']}.{number}"

    def tap(self, name: str) -> str:
        """Make an interface for a VM in the namespace, on the bridge; answers its name."""
        self.inside("tuntap", "add", "dev", name, "mode", "tap")
        self.inside("link", "set", name, "master", BRIDGE, "up")
        return name

    def inside(self, *arguments: str) -> str:
        """What `ip` says in the namespace."""
        return _ip("-n", self.namespace, *arguments)

    def kill(self) -> None:
        """End every process in the namespace: VMs outlive who started them."""
        if self.record() and self._namespace_exists():
            for pid in _ip("netns", "pids", self.namespace).split():
                found = Process.find(int(pid))
                if found:
                    found.stop(signal.SIGKILL)
        super().kill()

    def destroy(self) -> None:
        self.kill()
        if self.record() and self._namespace_exists():
            _ip("netns", "delete", self.namespace)
        super().destroy()

    def _namespace_exists(self) -> bool:
        return self.namespace in _ip("netns", "list").split()

    def _make_network(self) -> None:
        if self._namespace_exists():
            return
        peer = f"{self.outside}i"
        _ip("netns", "add", self.namespace)
        self.inside("link", "add", BRIDGE, "type", "bridge")
        self.inside("link", "set", BRIDGE, "up")
        self.inside("link", "set", "lo", "up")
        _ip("link", "add", self.outside, "type", "veth", "peer", peer, "netns", self.namespace)
        self.inside("link", "set", peer, "master", BRIDGE, "up")
        # VMs talk with this machine; it passes nothing on for them.
        Path(f"/proc/sys/net/ipv4/conf/{self.outside}/forwarding").write_text("0")
        _ip("address", "add", f"{self.address(1)}/24", "dev", self.outside)
        _ip("link", "set", self.outside, "up")


def built_image() -> Path:
    """The image of what lies in `deploy/transport-vm` now, built once for each clone and version.

    Raises ServerError with what the build said.
    """
    folder = IMAGES / f"transport-vm-{_source_digest()}"
    IMAGES.mkdir(exist_ok=True)
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "manifest.json").exists():
            run([SOURCE / "build", folder], 300)
    return folder


def _source_digest() -> str:
    total = hashlib.sha256()
    for path in sorted([SOURCE / "init", *SOURCE.glob("vm_image/*.py")]):
        total.update(path.read_bytes())
    return total.hexdigest()[:12]


def _free_network() -> str:
    """The first three numbers of a /24 that no interface of this machine has."""
    taken = _ip("-o", "address")
    for _ in range(100):
        third = random.SystemRandom().randrange(512)
        network = f"198.{18 + third // 256}.{third % 256}"
        if f"{network}." not in taken:
            return network
    raise ServerError("no network for VMs is free")


def _ip(*arguments: str) -> str:
    return run([program("ip"), *arguments], 20)
