"""What is in a transport VM: its init, the programs that serve NFS, and a few small files."""

from __future__ import annotations

from pathlib import Path

from vm_image.cpio import Entry, character_device, file, folder, link, program
from vm_image.debian import Unpacked
from vm_image.kernels import Kernel
from vm_image.libraries import closure

PACKAGES = (
    "busybox-static",
    "e2fsprogs",
    "linux-image-cloud-amd64",
    "nfs-kernel-server",
    "rpcbind",
    "user-mode-linux",
)
PROGRAMS = (
    "e2fsck",
    "exportfs",
    "mke2fs",
    "nfsdcld",
    "resize2fs",
    "rpc.mountd",
    "rpc.nfsd",
    "rpcbind",
)
APPLETS = (
    "arping cat cmp cut dd echo find grep head hostname insmod ip mkdir mount od pidof poweroff sh"
    " sleep sort sync tail tr umount uname usleep"
)
LINUX_MODULES = (
    *("virtio_pci", "virtio_mmio", "virtio_blk", "virtio_net"),
    *("xen-blkfront", "xen-netfront"),
    *("sd_mod", "vmw_pvscsi", "vmxnet3"),
    *("crc32c-intel", "ext4", "nfsd"),
)
UML_MODULES = ("ext4", "ipv6", "nfsd")
SMALL_FILES = {
    # No password opens this account and no program could be logged in with.
    "etc/passwd": "root:*:0:0:root:/:/nologin\n_rpc:*:101:65534::/run/rpcbind:/nologin\n"
    "nobody:*:65534:65534::/:/nologin\n",
    "etc/group": "root:*:0:\nnogroup:*:65534:\n",
    "etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\nrpc: files\nservices: files\n"
    "protocols: files\nnetgroup: files\n",
    "etc/hosts": "127.0.0.1 localhost\n",
    "etc/rpc": "portmapper 100000 portmap sunrpc\nnfs 100003\nmountd 100005\nnlockmgr 100021\n",
    "etc/services": "sunrpc 111/tcp portmapper\nsunrpc 111/udp portmapper\nnfs 2049/tcp\n",
    "etc/protocols": "ip 0 IP\ntcp 6 TCP\nudp 17 UDP\n",
    # The port mapper offers no UDP: it would answer anybody who forges a sender.
    "etc/netconfig": "tcp tpi_cots_ord v inet tcp - -\ntcp6 tpi_cots_ord v inet6 tcp - -\n"
    "local tpi_cots_ord - loopback - - -\n",
}
FOLDERS = (
    *("data", "dev", "export", "proc", "run", "sys", "tmp"),
    *("var/lib/nfs/rpc_pipefs", "var/lib/nfs/v4recovery"),
)


def tree(
    packages: Unpacked, kernel: Kernel, modules: tuple[str, ...], init: Path
) -> dict[str, Entry]:
    """The whole first file system for one of the kernels."""
    servers = {name: _program(packages, name) for name in PROGRAMS}
    entries = {name: folder() for name in FOLDERS}
    entries |= {name: file(text.encode()) for name, text in SMALL_FILES.items()}
    entries |= {f"sbin/{name}": program(path.read_bytes()) for name, path in servers.items()}
    entries |= {f"bin/{name}": link("busybox") for name in APPLETS.split()}
    entries |= {name: program(data) for name, data in closure(packages, servers.values()).items()}
    for number, (name, data) in enumerate(kernel.load_order(modules), start=10):
        entries[f"lib/modules/{kernel.release}/{number}-{name}.ko"] = file(data)
    return entries | {
        "init": program(init.read_bytes()),
        "bin/busybox": program(_program(packages, "busybox").read_bytes()),
        "dev/console": character_device(5, 1),
        "etc/mke2fs.conf": file(packages.find("etc/mke2fs.conf").read_bytes()),
        "etc/mtab": link("/proc/self/mounts"),  # mountd reads it; without it v4 waits for ever
        "var/lib/nfs/etab": file(b""),
        "var/lib/nfs/rmtab": file(b""),
        "var/run": link("../run"),
    }


def _program(packages: Unpacked, name: str) -> Path:
    return packages.first(*(f"{place}/{name}" for place in ("usr/sbin", "sbin", "usr/bin", "bin")))
