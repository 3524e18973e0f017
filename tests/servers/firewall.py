"""What a Docker engine changes in the machine's network, and how it is put back."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from tests.servers.apt import program
from tests.servers.process import run

BRIDGE = "docker0"
FORWARDING = Path("/proc/sys/net/ipv4/ip_forward")
OURS = re.compile(rf"DOCKER|{BRIDGE}|\bbr-[0-9a-f]{{12}}\b")
TABLES = ("filter", "nat")


def state() -> dict[str, str]:
    """The machine's packet forwarding before an engine starts."""
    return {
        "forwarding": FORWARDING.read_text(),
        "policy": _rules("filter")["policies"].get("FORWARD", "ACCEPT"),
    }


def restore(before: dict[str, str]) -> None:
    """Take away bridges and rules of an engine that ended, unless another one lives by them."""
    if _another_engine():
        return
    _delete_bridges()
    for table in TABLES:
        _clear(table)
    _iptables("filter", "-P", "FORWARD", before["policy"])
    FORWARDING.write_text(before["forwarding"])


def _clear(table: str) -> None:
    rules = _rules(table)
    for rule in rules["rules"]:
        _iptables(table, "-D", *rule.split()[1:])
    for chain in rules["chains"]:
        _iptables(table, "-F", chain)
    for chain in rules["chains"]:
        _iptables(table, "-X", chain)


def _rules(table: str) -> dict[str, Any]:
    lines = _iptables(table, "-S").splitlines()
    return {
        "policies": dict(line.split()[1:3] for line in lines if line.startswith("-P ")),
        "chains": [line.split()[1] for line in lines if line.startswith("-N DOCKER")],
        "rules": [line for line in lines if line.startswith("-A ") and OURS.search(line)],
    }


def _iptables(table: str, *arguments: str) -> str:
    return run([program("iptables"), "-w", "10", "-t", table, *arguments])


def _another_engine() -> bool:
    names = (_name(process) for process in Path("/proc").glob("[0-9]*"))
    return "dockerd" in names


def _name(process: Path) -> str:
    try:
        return (process / "comm").read_text().strip()
    except OSError:  # it ended while we looked
        return ""


def _delete_bridges() -> None:
    for link in Path("/sys/class/net").iterdir():
        if OURS.fullmatch(link.name):
            run([program("ip"), "link", "delete", link.name])
