"""python -m tests.servers: start, stop and show the test servers by hand or around a command."""

from __future__ import annotations

import argparse
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from types import FrameType

from tests.servers import leases
from tests.servers.apt import Requirement, provide
from tests.servers.kinds import EXPORTS, KINDS, SHARED, given, implementation
from tests.servers.process import ServerError

USAGE = """\
up [KIND...]              start servers and keep them until down; prints their exports
down                      stop what up started, unless a test run still uses it
status                    what runs, where its state is and who uses it
env                       exports of what runs, for eval
run [KIND...] -- COMMAND  start servers, run the command with their exports, stop them

Kinds: rabbitmq postgres ceph (these three by default), docker, nfs, swift, keystone,
mariadb, transport-vms.
Addresses given as STOWAGE_TEST_... win; TEST_SERVERS=docker takes containers where it can.
"""
TOOLS = Requirement(("qemu-img",), ("qemu-utils",))


def main(arguments: Sequence[str]) -> int:
    """Do what is asked; the exit status says whether it could be done."""
    parser = argparse.ArgumentParser("python -m tests.servers", usage=f"\n{USAGE}")
    parser.add_argument("verb", choices=("up", "down", "status", "env", "run"))
    parser.add_argument("kinds", nargs="*", choices=(*EXPORTS, []))
    ours, _, command = _split(arguments)
    known = parser.parse_args(ours)
    kinds = known.kinds or SHARED
    try:
        if known.verb == "run":
            return _run(kinds, command)
        return _say(known.verb, kinds)
    except ServerError as error:
        sys.stderr.write(f"{error}\n")
        return 1


def _split(arguments: Sequence[str]) -> tuple[list[str], str, list[str]]:
    words = list(arguments)
    at = words.index("--") if "--" in words else len(words)
    return words[:at], "--", words[at + 1 :]


def _say(verb: str, kinds: Sequence[str]) -> int:
    if verb == "up":
        _start(kinds, leases.PINNED)
    if verb in ("up", "env"):
        sys.stdout.write(_exports())
    if verb == "down":
        sys.stdout.write(_down())
    if verb == "status":
        sys.stdout.write(_status())
    return 0


def _start(kinds: Sequence[str], user: str | None) -> dict[str, str]:
    """Start what is not given, side by side; answers all exports."""
    exports = {name: value for kind in kinds for name, value in given(kind).items()}
    wanted = [implementation(kind) for kind in kinds if not given(kind)]
    provide([TOOLS, *(KINDS[name].requirement for name in wanted)])
    with ThreadPoolExecutor() as pool:
        for server in pool.map(lambda name: leases.acquire(name, user), wanted):
            exports |= server.exports()
    return exports


def _run(kinds: Sequence[str], command: Sequence[str]) -> int:
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, _end)
    try:
        exports = _start(kinds, None)
        return _attend(command, dict(os.environ) | exports)
    finally:
        leases.leave_all()


def _attend(command: Sequence[str], env: dict[str, str]) -> int:
    try:
        child = subprocess.Popen(command, env=env)
    except OSError as error:
        raise ServerError(f"cannot run the command: {error}") from error
    try:
        return child.wait()
    finally:
        child.terminate()
        try:
            child.wait(30)
        except subprocess.TimeoutExpired:
            child.kill()


def _end(number: int, frame: FrameType | None) -> None:
    raise SystemExit(128 + number)


def _running() -> list[str]:
    return [name for name in leases.names() if leases.users(name)]


def _exports() -> str:
    found: dict[str, str] = {}
    for name in _running():
        if "." not in name:
            found |= leases.server_in(leases.state_folder() / name).exports()
    return "".join(f"export {name}={shlex.quote(value)}\n" for name, value in found.items())


def _down() -> str:
    lines = []
    for name in leases.names():
        left = leases.release(name, leases.PINNED)
        lines.append(
            f"{name}: " + (f"still used by {' '.join(left)}" if left else "stopped") + "\n"
        )
    return "".join(lines)


def _status() -> str:
    lines = [f"state in {leases.state_folder()}\n"]
    for name in _running():
        server = leases.server_in(leases.state_folder() / name)
        health = "runs" if server.alive() else "is dead"
        lines.append(f"{name} {health}, used by {' '.join(leases.users(name))}\n")
    return "".join(lines)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
