"""Processes are recognised, ended and reported on."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from tests.servers.process import Process, ServerError, run, spawn, tail, wait_until


def test_a_spawned_process_is_alive_until_it_is_stopped(tmp_path: Path) -> None:
    process = spawn(["sleep", "60"], tmp_path / "log")
    assert process.alive()
    process.stop()
    assert not process.alive()


def test_a_process_that_ignores_the_polite_signal_is_killed(tmp_path: Path) -> None:
    script = "trap '' TERM; echo deaf; while :; do sleep 1; done"
    log = tmp_path / "log"
    process = spawn(["sh", "-c", script], log)
    wait_until(lambda: "deaf" in tail(log), "the trap", 10)
    process.stop(signal.SIGTERM, seconds=0.1)
    assert not process.alive()


def test_another_process_with_the_same_pid_is_not_taken_for_ours() -> None:
    me = Process.current()
    stranger = Process(me.pid, me.started + 1)
    assert not stranger.alive()
    stranger.stop()


def test_a_failed_command_is_reported_with_its_last_words() -> None:
    with pytest.raises(ServerError, match="sh ended with 3: no space"):
        run(["sh", "-c", "echo trying; echo no space >&2; exit 3"])


def test_a_command_that_does_not_exist_is_named() -> None:
    with pytest.raises(ServerError, match="no-such-command"):
        run(["no-such-command"])


def test_a_command_that_takes_too_long_is_ended() -> None:
    with pytest.raises(ServerError, match="timed out"):
        run(["sleep", "60"], seconds=0.1)


def test_waiting_in_vain_says_for_what() -> None:
    with pytest.raises(ServerError, match="for rain"):
        wait_until(lambda: False, "rain", 0.1)
