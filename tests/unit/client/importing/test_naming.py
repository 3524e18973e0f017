"""CloudStack's words in Stowage's."""

import pytest
from stowage_client.importing.naming import (
    checksum,
    harmless,
    hypervisor_kind,
    image_format,
    key_of,
)

MD5, SHA = "0123456789abcdef" * 2, "0123456789abcdef" * 4


@pytest.mark.parametrize(
    ("recorded", "hypervisor", "path", "format"),
    [
        ("QCOW2", "KVM", "x", "qcow2"),
        ("vhd", "XenServer", "x", "vhd"),
        ("ISO", "", "x.iso", "iso"),
        ("TAR", "KVM", "x.qcow2", None),
        ("", "KVM", "snapshots/1/2/x", "qcow2"),
        ("", "XenServer", "snapshots/1/2/x.vhd", "vhd"),
        ("", "KVM", "a.b/x", "qcow2"),
        ("", "KVM", "x.img", "raw"),
        ("", "Ovm", "x", None),
    ],
)
def test_the_format_is_as_recorded_else_as_named_else_as_written(
    recorded: str, hypervisor: str, path: str, format: str | None
) -> None:
    assert image_format(recorded, hypervisor, path) == format


@pytest.mark.parametrize(
    ("recorded", "url", "digest"),
    [
        (MD5, "", f"md5:{MD5}"),
        (SHA.upper(), "http://x/a.qcow2", f"sha256:{SHA}"),
        (f"{{SHA-256}}{SHA}", "", f"sha256:{SHA}"),
        (f"{{MD5}}{SHA}", "", None),
        (MD5, "http://x/a.qcow2.bz2?x=1", None),
        ("not a digest", "", None),
        ("", "", None),
    ],
)
def test_a_checksum_is_taken_where_it_is_of_the_stored_bytes(
    recorded: str, url: str, digest: str | None
) -> None:
    assert checksum(recorded, url) == digest


@pytest.mark.parametrize(
    ("path", "provider", "key"),
    [
        ("/template/tmpl/2/203/a", "NFS", "template/tmpl/2/203/a"),
        ("template/tmpl/2/203/", "S3", "template/tmpl/2/203"),
        ("T-203/a", "Swift", "T-203/a"),
        ("T-203", "Swift", "T-203"),
        ("template/tmpl/2/203/a", "Swift", "T-203/a"),
        ("T-2034/a", "Swift", "T-203/a"),
    ],
)
def test_a_key_is_what_the_store_calls_it(path: str, provider: str, key: str) -> None:
    assert key_of(path, provider, ("template", 203)) == key


def test_hypervisors_without_agents_are_none() -> None:
    assert [hypervisor_kind(name) for name in ("KVM", "vmware", "Hyperv", "")] == [
        "KVM",
        "VMware",
        "None",
        "None",
    ]


def test_urls_that_may_hold_secrets_are_not_shown() -> None:
    urls = ("http://u:p@x/a", "http://x/a?sig=1", "http://x/a")
    assert [harmless(url) for url in urls] == ["", "", "http://x/a"]
