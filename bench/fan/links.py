"""Links in a network namespace of the bench's own: each address sends at one rate at most.

Every host and the store have an address of the loopback network there. What an address sends is
shaped by a class of its own (HTB, a burst of one packet train), so a host feeds others no faster
than its link, whatever the machine could do. What it receives is not shaped: it has one feeder.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Sequence

INSIDE = "STOWAGE_BENCH_NAMESPACE"
STORE = "127.1.0.1"
MIB = 1 << 20


def enter(module: str, arguments: Sequence[str], state: str) -> int:
    """Run ``module`` again in a namespace with test servers of its own; its exit status."""
    inner = [sys.executable, "-m", "tests.servers", "run", "--"]
    inner += [sys.executable, "-m", module, *arguments]
    up = ["sh", "-c", 'ip link set lo up && exec "$@"', "inside"]
    env = {**os.environ, INSIDE: "1", "STOWAGE_TEST_STATE": state}
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    child = subprocess.Popen(["unshare", "--net", *up, *inner], env=env)
    try:
        return child.wait()
    finally:
        child.terminate()
        child.wait()


def inside() -> bool:
    """Whether this process is in that namespace."""
    return INSIDE in os.environ


def host_address(number: int) -> str:
    """Of the host of that number, from 0."""
    return f"127.1.1.{number + 1}"


def shape(hosts: int, bytes_per_second: int) -> None:
    """Give the store and so many hosts their links."""
    _tc("qdisc", "replace", "dev", "lo", "root", "handle", "1:", "htb")
    addresses = [STORE, *map(host_address, range(hosts))]
    rate = f"{8 * bytes_per_second}bit"
    for number, address in enumerate(addresses, 16):
        made = [
            "classid",
            f"1:{number:x}",
            "htb",
            "rate",
            rate,
            "burst",
            "256k",
            "quantum",
            "60000",
        ]
        _tc("class", "replace", "dev", "lo", "parent", "1:", *made)
        match = ["u32", "match", "ip", "src", f"{address}/32", "flowid", f"1:{number:x}"]
        _tc("filter", "add", "dev", "lo", "parent", "1:", "protocol", "ip", "prio", "1", *match)


def _tc(*arguments: str) -> None:
    subprocess.run(["tc", *arguments], check=True)
