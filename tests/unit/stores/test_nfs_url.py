"""Of an NFS URL only what is known is taken; a grant's URL comes back as it was made."""

from pathlib import PurePosixPath

import pytest
from pydantic import ValidationError
from stowage_stores.nfs import NfsProvider, NfsSettings
from stowage_stores.nfs.url import NfsUrl

REFUSED = (
    "",
    "/export",
    "http://server/export",
    "nfs:///export",
    "nfs://server",
    "nfs://server/../etc",
    "nfs://server/a/../b",
    "nfs://server//export",
    "nfs://server/%2e%2e/etc",
    "nfs://server/new%0aline",
    "nfs://user@server/export",
    "nfs://ser ver/export",
    "nfs://-o/export",
    "nfs://ser;ver/export",
    "nfs://server:99999/export",
    "nfs://server/export#part",
    "nfs://server/export?version=5",
    "nfs://server/export?version=3&version=4",
    "nfs://server/export?uid=-1",
    "nfs://server/export?uid=1e3",
    "nfs://server/export?uid=99999999999",
    "nfs://server/export?nfsport=70000",
    "nfs://server/export?auto-traverse-mounts=2",
    "nfs://server/export?debug=9",
    "nfs://server/export?readahead=99999999",
    "nfs://server/export?sec=krb5",
    "nfs://server/export?version",
)


@pytest.mark.parametrize("url", REFUSED)
def test_anything_else_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"server|export|option|number|[Pp]ort|field"):
        NfsUrl.parse(url)
    with pytest.raises(ValidationError):
        NfsSettings(url=url)


def test_settings_take_no_file_of_an_export() -> None:
    with pytest.raises(ValidationError):
        NfsSettings(url="nfs://server/export/a?export=/export")


def test_all_that_is_allowed_is_kept() -> None:
    url = NfsUrl.parse(
        "nfs://filer.example.org:2050/ex%20port"
        "?version=4&mountport=300&uid=107&gid=36&auto-traverse-mounts=1"
    )
    assert url == NfsUrl(
        "filer.example.org",
        PurePosixPath("/ex port"),
        version=4,
        nfsport=2050,
        mountport=300,
        uid=107,
        gid=36,
        traverse=True,
    )
    assert NfsUrl.parse(str(url)) == url
    assert url.shown == "nfs://filer.example.org/ex port"


def test_an_address_of_ip_version_6_is_a_server() -> None:
    url = NfsUrl.parse("nfs://[fd00::1]:2049/export")
    assert url.server == "fd00::1"
    assert NfsUrl.parse(str(url)) == url


@pytest.mark.parametrize("key", ["a", "a/b c/käse", "percent%20sign", "question?mark&and=equals"])
def test_a_file_comes_back_with_its_export(key: str) -> None:
    export = NfsUrl.parse("nfs://server/export/images?uid=7&gid=8")
    found = NfsUrl.parse(export.of(PurePosixPath(key)))
    assert found.file == PurePosixPath(key)
    assert found.path == f"/{key}".encode()
    assert (found.export, found.uid, found.gid) == (export.export, 7, 8)


@pytest.mark.parametrize("export", ["/other", "/export/a", "/exp", "../export"])
def test_a_file_outside_its_export_is_refused(export: str) -> None:
    with pytest.raises(ValueError, match="export"):
        NfsUrl.parse(f"nfs://server/export/a?export={export}")


def test_grants_of_a_store_say_whom_to_be() -> None:
    driver = NfsProvider().open(NfsSettings(url="nfs://server/export"))
    assert driver.can.schemes == ("nfs",)
    assert not driver.can.copies
