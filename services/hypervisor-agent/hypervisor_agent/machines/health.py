"""What a VM's probes mean for its phase."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from stowage_contracts.caching import VmPhase
from stowage_contracts.errors import Problem
from stowage_contracts.values import Value


class Patience(Value):
    """How long a VM may be silent, in seconds."""

    start_seconds: float = 120.0
    """From its order until it serves; then it is unwell."""
    unwell_seconds: float = 10.0
    """Without an answer, once it has served."""
    probe_seconds: float = 3.0
    """One call to its NFS server."""


@dataclass
class Health:
    """The answers of one VM, as this agent saw them."""

    clock: Callable[[], float] = time.monotonic
    silent_since: float | None = None
    error: Problem | None = None
    served: bool = False

    def answered(self) -> None:
        """A mount and lookup succeeded."""
        self.silent_since, self.error, self.served = None, None, True

    def failed(self, error: Problem, since: float) -> None:
        """A probe begun at ``since`` got no answer, or a wrong one."""
        if self.silent_since is None:
            self.silent_since = since
        self.error = error

    def phase(self, served: bool, age: float, patience: Patience) -> VmPhase:
        """Of a VM that runs; ``age`` in seconds since its order."""
        if not served:
            return VmPhase.UNWELL if age > patience.start_seconds else VmPhase.STARTING
        silent = 0.0 if self.silent_since is None else self.clock() - self.silent_since
        return VmPhase.UNWELL if silent > patience.unwell_seconds else VmPhase.READY
