"""Free TCP ports below the ephemeral range, where no outgoing connection can take them."""

from __future__ import annotations

import random
import socket
from contextlib import ExitStack

RANGE = range(20_000, 32_000)


def free_ports(count: int) -> list[int]:
    """That many distinct ports nobody listens on, on loopback or elsewhere."""
    with ExitStack() as held:
        return [_take(held) for _ in range(count)]


def listening(port: int) -> bool:
    """Whether something accepts connections on that loopback port."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _take(held: ExitStack) -> int:
    for port in random.SystemRandom().sample(RANGE, 200):
        candidate = held.enter_context(socket.socket())
        try:
            candidate.bind(("", port))
        except OSError:
            continue
        return port
    raise OSError(f"no free port in {RANGE}")
