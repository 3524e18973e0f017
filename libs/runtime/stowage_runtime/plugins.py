"""Plug-ins: entry points by group, with a helpful refusal."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import Any

import structlog
from stowage_contracts.errors import Conflict, NotFound

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Failure:
    """A plug-in that was left out, and why."""

    group: str
    name: str
    value: str
    reason: str


class Plugins(dict[str, Any]):
    """Loaded plug-ins of one group by name, and those that failed."""

    def __init__(self, group: str) -> None:
        super().__init__()
        self.group = group
        self.failures: list[Failure] = []

    def pick(self, name: str) -> Any:
        """The plug-in called ``name``, ignoring case; raises NotFound listing the others."""
        for known, plugin in self.items():
            if known.lower() == name.lower():
                return plugin
        failed = {f.name: f.reason for f in self.failures}
        hint = f"it is installed but broken: {failed[name]}" if name in failed else ""
        raise NotFound(
            f"no plug-in {name!r}; installed: {', '.join(sorted(self)) or 'none'}",
            resource=self.group,
            hint=hint or "install the package that provides it",
            code="plugin",
        )


def as_is(loaded: Any) -> Any:
    """What the entry point names."""
    return loaded


def instance(loaded: Any) -> Any:
    """An instance, where the entry point names a class without arguments."""
    return loaded() if isinstance(loaded, type) else loaded


def load(
    group: str, make: Callable[[Any], Any] = as_is, found: Iterable[EntryPoint] | None = None
) -> Plugins:
    """Every plug-in of ``group``; a broken one is reported and the others are loaded.

    Raises Conflict when two distributions claim one name: which would run must not be luck.
    """
    plugins = Plugins(group)
    for point in _distinct(group, entry_points(group=group) if found is None else found):
        try:
            plugins[point.name] = make(point.load())
        except Exception as error:  # a stranger's code may raise anything
            reason = f"{type(error).__name__}: {error}"
            plugins.failures.append(Failure(group, point.name, point.value, reason))
            log.error("plugin.broken", group=group, plugin=point.name, reason=reason)
    return plugins


def _distinct(group: str, found: Iterable[EntryPoint]) -> list[EntryPoint]:
    kept: dict[str, EntryPoint] = {}
    for point in found:
        other = kept.setdefault(point.name.lower(), point)
        if other.value != point.value:
            raise Conflict(
                f"two plug-ins are called {point.name!r}: {other.value} and {point.value}",
                resource=group,
                hint="uninstall one of the packages",
                code="plugin",
            )
    return list(kept.values())
