"""Report: what was found in a cloud, what is made of it, and why the rest is not."""

from stowage_contracts.values import Value

MOST_PROBLEMS = 1000
"""Told one by one; all are counted."""


class StoreLine(Value):
    """A store and what is made of it."""

    id: str
    name: str
    provider: str
    role: str
    """As in the source."""
    zone_id: str | None
    action: str
    """``add``, ``add read-only``, ``if needed`` or ``skip``; of a run ``added``, ``known`` or
    ``refused``."""
    code: str = ""
    cause: str = ""
    objects: int = 0
    """That are taken from it."""


class PoolLine(Value):
    """A primary pool: not made here, but told to the agent of its host."""

    id: str
    name: str
    kind: str
    place: str
    scope: str
    zone_id: str
    status: str
    volumes: int


class Tally(Value):
    """Objects of one noun."""

    found: int = 0
    take: int = 0
    skip: dict[str, int] = {}
    """Not taken, by reason."""
    removed: int = 0
    """Deleted in the source; not looked at."""
    copies_left: dict[str, int] = {}
    """Copies of objects that are taken from elsewhere, by reason."""
    notes: dict[str, int] = {}
    """``delta``: stands on another one, which the image gate refuses. ``any_hypervisor``: of a
    hypervisor that Stowage has no agent for."""


class ProblemLine(Value):
    """One object that is not taken, or was refused."""

    noun: str
    id: str
    name: str
    code: str
    cause: str
    where: str = ""


class Outcome(Value):
    """What a run did."""

    progress: dict[str, int] = {}
    """Objects by how far they are: taken, reading, ready, failed, deleted, refused."""


class Report(Value):
    """All of it."""

    source: str
    version: str
    schema_read: str
    tables: dict[str, int]
    """Rows of the tables that were read."""
    zones: dict[str, str]
    """Names by id."""
    accounts: int
    stores: tuple[StoreLine, ...]
    pools: tuple[PoolLine, ...]
    objects: dict[str, Tally]
    problems: tuple[ProblemLine, ...]
    more_problems: int = 0
    warnings: tuple[str, ...] = ()
    outcome: Outcome | None = None
    """None for a dry run."""
