"""Rung when sinks were changed in this process."""

import asyncio
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Bell:
    """Rings when sinks were changed here."""

    event: asyncio.Event = field(default_factory=asyncio.Event)

    def ring(self) -> None:
        """Look at the sinks again."""
        self.event.set()
