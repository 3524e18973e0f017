"""Only plain files below a root are opened."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypervisor_agent.transports.roots import allowed
from stowage_contracts.errors import GrantRefused, Retry


def test_a_file_below_a_root_is_opened_also_with_odd_letters(tmp_path: Path) -> None:
    path = tmp_path / "a b%?ü" / "disk.raw"
    assert allowed(path.as_uri(), [str(tmp_path)]) == path


def test_a_root_may_itself_be_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    uri = (tmp_path / "link" / "x").as_uri()
    assert allowed(uri, [str(tmp_path / "link")]) == tmp_path / "real" / "x"


@pytest.mark.parametrize(
    "uri",
    [
        "file:///etc/passwd",
        "file:///R/../etc/passwd",
        "file:///R/%2e%2e/etc/passwd",
        "file://host/R/x",
        "http://R/x",
        "file:R/x",
        "file:///R/link/x",
        "file:///Rx/y",
    ],
)
def test_everything_else_is_refused_and_may_be_tried_elsewhere(tmp_path: Path, uri: str) -> None:
    root = tmp_path / "root"
    root.mkdir()
    (root / "link").symlink_to("/etc")
    with pytest.raises(GrantRefused) as caught:
        allowed(uri.replace("/R", str(root)), [str(root)])
    assert caught.value.problem.retry is Retry.ELSEWHERE
    assert "/etc" not in caught.value.cause
