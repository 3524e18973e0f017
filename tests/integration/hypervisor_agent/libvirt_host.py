"""A libvirtd of this run alone, in the namespace its VMs are reached in."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.servers.process import run, spawn, wait_until
from tests.servers.transport_vms import TransportVms

QEMU_CONF = """\
user = "root"
group = "root"
dynamic_ownership = 0
remember_owner = 0
security_driver = "none"
stdio_handler = "file"
cgroup_controllers = []
namespaces = []
"""
LIBVIRTD_CONF = """\
listen_tls = 0
auth_unix_rw = "none"
unix_sock_dir = "{here}/sock"
"""
# The shell stays the first process: somebody must reap what libvirtd leaves. A KVM that is there
# and does not work would hold it up for minutes.
START = """\
set -e
cd "$1"
if [ -e /dev/kvm ]; then mount --bind /dev/null /dev/kvm; fi
mount -t tmpfs none /run
mkdir /run/libvirt
mount --bind etc /etc/libvirt
mount --bind lib /var/lib/libvirt
mount --bind cache /var/cache/libvirt
mount --bind log /var/log/libvirt
libvirtd -f "$1/etc/libvirtd.conf"
true
"""


def installed() -> bool:
    """Whether this machine has libvirtd and its QEMU driver."""
    driver = next(Path("/usr/lib").glob("*/libvirt/connection-driver/*qemu.so"), None)
    return shutil.which("libvirtd") is not None and driver is not None


@contextmanager
def libvirt_host(host: TransportVms, here: Path) -> Iterator[str]:
    """Its URI."""
    for name in ("etc/qemu", "lib/qemu", "lib/images", "lib/boot", "cache", "log/qemu", "sock"):
        (here / name).mkdir(parents=True)
    (here / "etc/qemu.conf").write_text(QEMU_CONF)
    (here / "etc/libvirtd.conf").write_text(LIBVIRTD_CONF.format(here=here))
    apart = ("unshare", "-m", "-pf", "--kill-child=KILL", "--mount-proc")
    where = ("ip", "netns", "exec", host.namespace)
    argv = [*where, *apart, "bash", "-c", START, "libvirt", str(here)]
    started = spawn(argv, here / "console.log")
    socket = here / "sock/libvirt-sock"
    try:
        wait_until(lambda: socket.exists() or not started.alive(), "libvirtd", 30)
        run(["virsh", "-c", _uri(socket), "domcapabilities"], 60)
        yield _uri(socket)
    finally:
        started.stop()


def _uri(socket: Path) -> str:
    return f"qemu+unix:///system?socket={socket}"
