"""Drops the packets of one port of loopback, as a network does that broke in the middle."""

from __future__ import annotations

import os
import shutil

from tests.servers.apt import PLACES
from tests.servers.process import Process, ServerError, run

CHAIN = f"STOWAGE-{os.getpid()}"


def can_drop() -> bool:
    """Whether this machine lets us; makes the chain if so."""
    if os.geteuid() or not shutil.which("iptables", path=PLACES):
        return False
    try:
        _forget_the_dead()
        _iptables("-N", CHAIN)
        _iptables("-I", "INPUT", "-i", "lo", "-j", CHAIN)
    except ServerError:
        return False
    return True


def drop(port: int) -> None:
    """Nothing comes or goes there any more; nobody is told."""
    for way in ("--dport", "--sport"):
        _iptables("-A", CHAIN, "-p", "tcp", way, str(port), "-j", "DROP")


def pass_all() -> None:
    """As before, for every port."""
    _iptables("-F", CHAIN)


def leave() -> None:
    """Take the chain away."""
    _remove(CHAIN)


def _remove(chain: str) -> None:
    _iptables("-D", "INPUT", "-i", "lo", "-j", chain)
    _iptables("-F", chain)
    _iptables("-X", chain)


def _forget_the_dead() -> None:
    """Of runs that were killed."""
    for line in _iptables("-S").splitlines():
        words = line.split()
        if words[0] == "-N" and words[1].startswith("STOWAGE-"):
            pid = words[1].rpartition("-")[2]
            if pid.isdigit() and Process.find(int(pid)) is None:
                _remove(words[1])


def _iptables(*arguments: str) -> str:
    program = shutil.which("iptables", path=PLACES) or "iptables"
    return run([program, "-w", "10", *arguments], 20)
