"""The Docker engine builds and runs on the base images our Dockerfile and compose file name."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.servers.images import IMAGES
from tests.servers.process import run

pytestmark = pytest.mark.docker


def test_a_container_on_the_python_base_runs_our_python(docker_host: str) -> None:
    env = os.environ | {"DOCKER_HOST": docker_host}
    check = "import sys; print(sys.version_info >= (3, 11))"
    argv = ["docker", "run", "--rm", IMAGES["python"], "python", "-c", check]
    assert run(argv, 100, env) == "True\n"


def test_compose_and_buildx_answer(docker_host: str) -> None:
    assert run(["docker", "compose", "version"])
    assert run(["docker", "buildx", "version"])


def test_an_image_can_be_built_on_the_base(docker_host: str, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text(f"FROM {IMAGES['python']}\nRUN python --version\n")
    assert run(["docker", "build", "--pull=false", "-q", str(tmp_path)], 100).startswith("sha256:")
