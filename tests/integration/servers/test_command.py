"""`python -m tests.servers run` starts servers around a command and always stops them."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers.process import poll

RUN = [sys.executable, "-m", "tests.servers", "run", "postgres", "--"]
ROOT = Path(__file__).parents[3]


@pytest.fixture
def env() -> Iterator[dict[str, str]]:
    """An environment that gives no server, with a state folder of its own."""
    parent = Path(tempfile.mkdtemp(prefix="stowage-"))
    parent.chmod(0o755)
    kept = {name: value for name, value in os.environ.items() if "STOWAGE_TEST" not in name}
    yield kept | {"STOWAGE_TEST_STATE": str(parent / "state")}
    shutil.rmtree(parent)


def test_the_command_sees_the_address_and_its_status_is_ours(env: dict[str, str]) -> None:
    script = "echo $STOWAGE_TEST_DATABASE_URL; exit 7"
    done = subprocess.run(
        [*RUN, "sh", "-c", script], env=env, cwd=ROOT, timeout=60, capture_output=True, text=True
    )
    assert done.returncode == 7
    assert done.stdout.startswith("postgresql://")
    assert not Path(env["STOWAGE_TEST_STATE"]).exists()


def test_a_command_that_cannot_run_is_said_in_one_line(env: dict[str, str]) -> None:
    done = subprocess.run(
        [*RUN, "no-such-command"], env=env, cwd=ROOT, timeout=60, capture_output=True, text=True
    )
    assert done.returncode == 1
    assert done.stderr.startswith("cannot run the command: ")
    assert not Path(env["STOWAGE_TEST_STATE"]).exists()


def test_a_given_address_wins_over_a_server_of_our_own(env: dict[str, str]) -> None:
    given = {"STOWAGE_TEST_DATABASE_URL": "postgresql://elsewhere/db"}
    script = "echo $STOWAGE_TEST_DATABASE_URL; ls -d $STOWAGE_TEST_STATE/postgres"
    done = subprocess.run(
        [*RUN, "sh", "-c", script],
        env=env | given,
        cwd=ROOT,
        timeout=60,
        capture_output=True,
        text=True,
    )
    assert done.stdout == "postgresql://elsewhere/db\n"


def test_terminating_it_ends_command_and_servers(env: dict[str, str], tmp_path: Path) -> None:
    started = tmp_path / "started"
    script = f"touch {started}; exec sleep 60"
    running = subprocess.Popen([*RUN, "sh", "-c", script], env=env, cwd=ROOT)
    assert poll(started.exists, 60)
    running.send_signal(signal.SIGTERM)
    assert running.wait(60) == 128 + signal.SIGTERM
    assert not Path(env["STOWAGE_TEST_STATE"]).exists()
