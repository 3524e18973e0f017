"""The steps of a build, and the manifest that tells what came out."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from vm_image import contents
from vm_image.cpio import archive
from vm_image.debian import Unpacked, fetch
from vm_image.kernels import Kernel
from vm_image.tools import BuildError, need, run

HERE = Path(__file__).resolve().parents[1]
TOOLS = {"apt-get": "apt", "dpkg-deb": "dpkg", "zstd": "zstd"}
ARGUMENTS = {
    "stowage.address": "its address with the prefix length: 10.1.0.10/24",
    "stowage.clients": "addresses and networks that may mount, with commas: 10.1.0.0/24,10.2.0.7",
    "stowage.gateway": "optional; where packets to other networks go",
    "stowage.mtu": "optional; bytes a frame may carry",
    "stowage.config": "optional; `disk`: the others are the first line of a disk",
}
PORTS = {"nfs": 2049, "mountd": 20048, "portmapper": 111, "lockd": 32803}


def build(out: Path) -> dict[str, object]:
    """Build all files into a folder, whole or not at all; answers the manifest.

    Raises BuildError.
    """
    need(TOOLS)
    if run(["dpkg", "--print-architecture"], 10).strip() != b"amd64":
        raise BuildError("transport VMs are built on and for amd64 only")
    with replacing(out) as fresh, tempfile.TemporaryDirectory(prefix="stowage-vm-") as work:
        packages = fetch(contents.PACKAGES, Path(work))
        linux = Kernel(packages.first("lib/modules/*", "usr/lib/modules/*"))
        uml = Kernel(packages.find("usr/lib/uml/modules/*"))
        shutil.copyfile(packages.find("boot/vmlinuz-*"), fresh / "vmlinuz")
        shutil.copyfile(packages.find("usr/bin/linux.uml"), fresh / "linux.uml")
        (fresh / "linux.uml").chmod(0o755)
        (fresh / "initrd.zst").write_bytes(
            _packed(_initrd(packages, linux, contents.LINUX_MODULES))
        )
        (fresh / "initrd.cpio").write_bytes(_initrd(packages, uml, contents.UML_MODULES))
        kernels = {"linux": linux.release, "uml": uml.release}
        manifest = _manifest(fresh, kernels, packages.versions)
        (fresh / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n")
    return manifest


def source_digest() -> str:
    """What an image is built by: changes whenever anything here does."""
    total = hashlib.sha256()
    for path in sorted([HERE / "init", *(HERE / "vm_image").glob("*.py")]):
        total.update(path.name.encode() + b"\0" + path.read_bytes())
    return total.hexdigest()


def _initrd(packages: Unpacked, kernel: Kernel, modules: tuple[str, ...]) -> bytes:
    return archive(contents.tree(packages, kernel, modules, HERE / "init"))


def _packed(data: bytes) -> bytes:
    return run(["zstd", "-q", "-9", "-c"], 120, data)


def _manifest(
    folder: Path, kernels: Mapping[str, str], versions: Mapping[str, str]
) -> dict[str, object]:
    return {
        "name": "stowage-transport-vm",
        "architecture": "amd64",
        "source": source_digest(),
        "kernels": dict(kernels),
        "arguments": ARGUMENTS,
        "export": "/export",
        "ports": PORTS,
        "files": {path.name: facts_of(path) for path in sorted(folder.iterdir())},
        "packages": dict(sorted(versions.items())),
    }


def facts_of(path: Path) -> dict[str, object]:
    data = path.read_bytes()
    return {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}


@contextmanager
def replacing(out: Path) -> Iterator[Path]:
    """A new folder beside the one wanted, which takes its place once everything is in it."""
    _only_ours(out)
    out.parent.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.parent))
    try:
        fresh.chmod(0o755)
        yield fresh
        if out.exists():
            shutil.rmtree(out)
        fresh.rename(out)
    except BaseException:
        shutil.rmtree(fresh, ignore_errors=True)
        raise


def _only_ours(out: Path) -> None:
    if out.exists() and any(out.iterdir()) and not (out / "manifest.json").exists():
        raise BuildError(f"{out} holds something else: give an empty or new folder")
