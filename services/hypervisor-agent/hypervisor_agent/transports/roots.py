"""Only files under the configured roots, and never through a symbolic link."""

from collections.abc import Iterable
from pathlib import Path
from urllib.parse import unquote, urlsplit

from stowage_contracts.errors import GrantRefused, Retry
from stowage_stores.deadlines import Deadlines


async def local_path(uri: str, roots: Iterable[str], seconds: float) -> Path:
    """``allowed`` in a thread: resolving a path on a dead mount blocks. Raises Unavailable then."""
    return await Deadlines("file grant", seconds).run(lambda: allowed(uri, roots))


def allowed(uri: str, roots: Iterable[str]) -> Path:
    """The path of a ``file:`` uri; raises GrantRefused (elsewhere) unless it lies in a root."""
    parts = urlsplit(uri)
    path = Path(unquote(parts.path))
    if parts.scheme != "file" or parts.netloc or not path.is_absolute() or ".." in path.parts:
        raise _refused("it is no plain absolute file uri")
    here = path.parent.resolve() / path.name
    for root in map(Path, roots):
        if path.is_relative_to(root) and here == root.resolve() / path.relative_to(root):
            return here
    raise _refused("it lies in no root of this agent, or behind a symbolic link")


def _refused(why: str) -> GrantRefused:
    error = GrantRefused(
        f"the file grant can't be opened here: {why}",
        code="path",
        hint="mount the store at the same path and add it to STOWAGE_AGENT_ROOTS",
    )
    error.retry = Retry.ELSEWHERE
    return error
