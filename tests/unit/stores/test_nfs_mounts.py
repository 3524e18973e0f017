"""An export the kernel has mounted is used through that mount, and no other is."""

from pathlib import Path, PurePosixPath

import pytest
from stowage_stores.nfs.mounts import any_mounted, mounted_at
from stowage_stores.nfs.url import NfsUrl

TABLE = r"""
22 1 259:1 / / rw,relatime shared:1 - ext4 /dev/root rw
30 22 0:40 / /mnt/images rw,relatime shared:9 - nfs4 filer:/export/images rw,vers=4.2,addr=10.0.0.5
31 22 0:41 / /mnt/all rw,relatime - nfs filer:/export rw,vers=3,addr=10.0.0.5,mountport=635
32 22 0:42 / /mnt/with\040space rw - nfs [fd00::1]:/ex\040port rw,addr=fd00::1
33 22 0:43 /deep /srv/bound rw - nfs other:/data rw,addr=10.0.0.6
34 22 0:44 / /mnt/high rw - nfs high:/export rw,port=12049,addr=10.0.0.7
35 22 0:45 / /mnt/fake rw - ext4 trap:/export rw
36 22 0:46 / /mnt/whole rw - nfs4 root:/ rw,addr=10.0.0.8
37 22 0:47 / /mnt/upper rw - nfs4 filer:/export/images rw,addr=10.0.0.5
broken line
""".lstrip()


@pytest.fixture
def table(tmp_path: Path) -> Path:
    file = tmp_path / "mountinfo"
    file.write_text(TABLE)
    return file


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("nfs://filer/export/images", "/mnt/upper"),
        ("nfs://FILER/export/images/sub", "/mnt/upper/sub"),
        ("nfs://10.0.0.5/export/images?uid=5", "/mnt/upper"),
        ("nfs://filer/export/imagesque", "/mnt/all/imagesque"),
        ("nfs://filer:2049/export", "/mnt/all"),
        ("nfs://[fd00::1]/ex%20port/a", "/mnt/with space/a"),
        ("nfs://other/data/deep/x", "/srv/bound/x"),
        ("nfs://high:12049/export", "/mnt/high"),
        ("nfs://root/any/thing", "/mnt/whole/any/thing"),
    ],
)
def test_what_lies_on_a_mount_is_found_there(table: Path, url: str, place: str) -> None:
    assert mounted_at(NfsUrl.parse(url), table) == PurePosixPath(place)


@pytest.mark.parametrize(
    "url",
    [
        "nfs://filer/exports",
        "nfs://filer/",
        "nfs://filer:12049/export",
        "nfs://high/export",
        "nfs://other/data",
        "nfs://trap/export",
        "nfs://nobody/export",
    ],
)
def test_what_lies_on_none_is_not(table: Path, url: str) -> None:
    assert mounted_at(NfsUrl.parse(url), table) is None


def test_a_machine_without_nfs_mounts_says_so(tmp_path: Path, table: Path) -> None:
    assert any_mounted(table)
    assert not any_mounted(tmp_path / "none")
    table.write_text(TABLE.splitlines()[0])
    assert not any_mounted(table)
