"""PartFile: what a part's writer needs of the file it lies in. Blocking; raises OSError."""

from typing import Protocol

from stowage_contracts.values import Range

from hypervisor_agent.transports.journal import Record


class PartFile(Protocol):
    """An open part, used by many threads, and the journal beside it."""

    @property
    def name(self) -> str:
        """Without its folder."""
        ...

    @property
    def usable(self) -> bool:
        """Whether a call may still succeed."""
        ...

    def names(self) -> int:
        """How many names it has."""
        ...

    def free(self) -> int:
        """Bytes that still fit where it lies."""
        ...

    def truncate(self, size: int) -> None:
        """Make it this long; new bytes read as zeros."""
        ...

    def write(self, offset: int, view: memoryview) -> None:
        """All of ``view``."""
        ...

    def punch(self, offset: int, length: int) -> None:
        """Make a run read as zeros."""
        ...

    def read(self, offset: int, view: memoryview) -> None:
        """Fill ``view``."""
        ...

    def sync(self) -> None:
        """Make everything written durable."""
        ...

    def load(self, size: int, validator: str) -> tuple[Range, ...]:
        """What its journal says of the same source and length; raises SourceChanged."""
        ...

    def save(self, record: Record) -> None:
        """Replace its journal, durably."""
        ...

    def forget(self) -> None:
        """Delete its journal."""
        ...

    def delete(self) -> None:
        """Delete it and its journal."""
        ...

    def give_up(self) -> None:
        """Break off calls that are stuck, where that is possible."""
        ...

    def close(self) -> None:
        """When the last call has ended; waits for none. Idempotent."""
        ...
