"""Which grants are local files, and where they lie."""

from pathlib import Path
from urllib.parse import urlsplit

from stowage_contracts.grants import Grant

from hypervisor_agent.transports.roots import local_path

SECONDS = 20


async def path_of(grant: Grant, roots: tuple[str, ...]) -> Path | None:
    """Where a ``file`` grant lies; None for any other. Raises GrantRefused, Unavailable."""
    if grant.uri is None or scheme_of(grant) != "file":
        return None
    return await local_path(grant.uri.get_secret_value(), roots, SECONDS)


def scheme_of(grant: Grant) -> str:
    """URI scheme of a grant; empty for a multipart session."""
    return urlsplit(grant.uri.get_secret_value()).scheme if grant.uri else ""
