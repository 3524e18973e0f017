"""A build says plainly why it fails, leaves nothing behind, and makes the same bytes again."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.servers.process import run
from tests.servers.transport_vms import SOURCE, TransportVms

NOWHERE = {"http_proxy": "http://127.0.0.1:9", "https_proxy": "http://127.0.0.1:9"}


def built(out: Path, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    argv = [SOURCE / "build", out]
    told = os.environ | (env or {})
    return subprocess.run(argv, env=told, timeout=110, capture_output=True, text=True)


def test_a_missing_program_is_named_with_its_debian_package() -> None:
    code = "from vm_image.tools import need; need({'no-such-program': 'its-package'})"
    argv = ["python3", "-c", code]
    done = subprocess.run(argv, cwd=SOURCE, timeout=20, capture_output=True, text=True)
    assert "missing: no-such-program (Debian package its-package)" in done.stderr


def test_a_folder_with_something_else_is_refused_at_once(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("data")
    done = built(tmp_path)
    assert (done.returncode, "holds something else" in done.stderr) == (1, True)
    assert [path.name for path in tmp_path.iterdir()] == ["precious"]


@pytest.mark.slow
def test_without_a_mirror_it_fails_in_a_line_and_leaves_nothing(tmp_path: Path) -> None:
    done = built(tmp_path / "image", NOWHERE | {"TMPDIR": str(tmp_path)})
    assert done.returncode == 1
    assert done.stderr.startswith("build: apt-get ended with")
    assert len(done.stderr.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_the_same_packages_give_the_same_bytes(transport_vms: TransportVms, tmp_path: Path) -> None:
    run([SOURCE / "build", tmp_path / "again"], 110)
    first = json.loads((transport_vms.image / "manifest.json").read_text())
    again = json.loads((tmp_path / "again" / "manifest.json").read_text())
    if first["packages"] != again["packages"]:
        pytest.skip("the mirror has newer packages since the first build")
    assert again == first
