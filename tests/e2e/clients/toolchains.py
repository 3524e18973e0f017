"""Clients that are not Python: Debian's Ansible with its collection, and cloudstack-go."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

from tests.e2e.clients.day import SECRET, Day
from tests.e2e.deployment import API_KEY
from tests.servers.apt import PLACES, Requirement, provide
from tests.servers.process import run

GO_SOURCES = Path("/usr/share/gocode/src/github.com/xanzy/go-cloudstack")
HERE = Path(__file__).parent
SECONDS = 240


class GoRequirement(Requirement):
    """The compiler and the library's source."""

    def missing(self) -> list[str]:
        return [*super().missing(), *([] if GO_SOURCES.is_dir() else [str(GO_SOURCES)])]


GO = GoRequirement(("go",), ("golang-go", "golang-github-xanzy-go-cloudstack-dev"))
ANSIBLE = Requirement(("ansible-playbook",), ("ansible", "python3-cs"))


def with_go(day: Day, cache: Path) -> dict[str, Any]:
    """The steps ``main.go`` told; raises ServerError where it cannot be compiled or failed."""
    provide([GO])
    made = cache / "client"
    settings = {"GO111MODULE": "off", "GOPATH": "/usr/share/gocode", "GOCACHE": str(cache)}
    run(["go", "build", "-o", made, HERE / "main.go"], SECONDS, {**_env(), **settings})
    said = run([made], SECONDS, day.env)
    return {line["step"]: line["facts"] for line in map(json.loads, said.splitlines())}


def with_ansible(day: Day, folder: Path) -> dict[str, Any]:
    """What ``playbook.yml`` saw; raises AssertionError with all it said when a task failed."""
    provide([ANSIBLE])
    said = folder / "said.json"
    variables = {
        "zone": "zone",
        "root": str(day.root),
        "image": day.image,
        "checksum": day.sha256,
        "os_type": "Debian GNU/Linux 12 (64-bit)",
        "said": str(said),
    }
    argv = ["ansible-playbook", "-i", "localhost,", "-e", json.dumps(variables)]
    env = {
        "HOME": str(folder),
        "ANSIBLE_LOCAL_TEMP": str(folder),
        "LC_ALL": "C.UTF-8",
        "CLOUDSTACK_ENDPOINT": day.url,
        "CLOUDSTACK_KEY": API_KEY,
        "CLOUDSTACK_SECRET": SECRET,
    }
    ended = subprocess.run(
        [*argv, str(HERE / "playbook.yml")],
        env={**_env(), **env},
        cwd=folder,
        timeout=SECONDS,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    seen: dict[str, Any] = json.loads(said.read_text())
    return seen


def _env() -> dict[str, str]:
    return {"PATH": PLACES, "HOME": os.environ.get("HOME", "/")}
