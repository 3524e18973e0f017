"""What is in the image, and that nothing else is."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

import pytest

from tests.servers.transport_vms import TransportVms

SECRET = re.compile(rb"-----BEGIN [A-Z ]*PRIVATE KEY-----")
LINK = 0o120000


def entries(archive: bytes) -> dict[str, tuple[int, bytes]]:
    """Mode and content by name."""
    found: dict[str, tuple[int, bytes]] = {}
    at = 0
    while True:
        numbers = [int(archive[at + 6 + 8 * n : at + 14 + 8 * n], 16) for n in range(13)]
        begin = at + 110
        name = archive[begin : begin + numbers[11] - 1].decode()
        data = (begin + numbers[11] + 3) & ~3
        if name == "TRAILER!!!":
            return found
        found[name] = numbers[1], archive[data : data + numbers[6]]
        at = (data + numbers[6] + 3) & ~3


@pytest.fixture(scope="module")
def content(transport_vms: TransportVms) -> dict[str, tuple[int, bytes]]:
    return entries((transport_vms.image / "initrd.cpio").read_bytes())


def test_the_manifest_tells_every_file(transport_vms: TransportVms) -> None:
    image = transport_vms.image
    told = json.loads((image / "manifest.json").read_text())["files"]
    assert set(told) == {path.name for path in image.iterdir()} - {"manifest.json"}
    assert set(told) == {"vmlinuz", "initrd.zst", "linux.uml", "initrd.cpio"}
    for name, facts in told.items():
        data = (image / name).read_bytes()
        assert facts == {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}


def test_it_fits_a_small_vm(transport_vms: TransportVms) -> None:
    assert (transport_vms.image / "initrd.zst").stat().st_size < 12e6


def test_its_programs_are_those_that_serve_nfs(content: dict[str, tuple[int, bytes]]) -> None:
    servers = {name for name in content if name.startswith("sbin/")}
    tools = {"e2fsck", "mke2fs", "resize2fs", "exportfs"}
    daemons = {"nfsdcld", "rpc.mountd", "rpc.nfsd", "rpcbind"}
    assert servers == {f"sbin/{name}" for name in tools | daemons}
    names = {Path(name).name for name in content}
    assert not names & {"getty", "login", "telnetd", "sshd", "httpd", "nc", "su", "dropbear"}


def test_it_holds_no_secret_and_no_password(content: dict[str, tuple[int, bytes]]) -> None:
    assert not [name for name, (_, data) in content.items() if SECRET.search(data)]
    assert "etc/shadow" not in content
    accounts = [line.split(b":") for line in content["etc/passwd"][1].splitlines()]
    assert {account[1] for account in accounts} == {b"*"}
    assert {account[-1] for account in accounts} == {b"/nologin"}


def test_its_links_lead_somewhere(content: dict[str, tuple[int, bytes]]) -> None:
    links = {name for name, (mode, _) in content.items() if mode & 0o170000 == LINK}
    applets = {name for name in links if name.startswith("bin/")}
    assert {content[name][1] for name in applets} == {b"busybox"}
    assert links - applets == {"etc/mtab", "var/run"}
