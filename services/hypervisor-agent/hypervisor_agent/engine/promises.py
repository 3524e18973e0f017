"""Room at a destination whose length is not known: promised ahead of what is written."""

from stowage_contracts.errors import ImageRefused, OutOfSpace

from hypervisor_agent.engine.terms import Grants

STEP = 256 * 1024 * 1024
"""Least bytes asked for at once; one eighth of what is there, once that is more."""


class GrowingPromise:
    """What the destination's owner keeps free for one hop."""

    def __init__(self, grants: Grants, most: int | None, resource: str) -> None:
        self._grants, self._most, self._resource = grants, most, resource
        self._promised = 0

    async def reach(self, size: int) -> None:
        """Raises ImageRefused above the limit, OutOfSpace when not even ``size`` bytes fit."""
        if self._most is not None and size > self._most:
            raise too_large(size, self._most, self._resource)
        if size <= self._promised:
            return
        wanted = size + max(STEP, size // 8)
        try:
            await self._ask(wanted if self._most is None else min(wanted, self._most))
        except OutOfSpace:
            await self._ask(size)

    async def _ask(self, size: int) -> None:
        await self._grants.promise(size)
        self._promised = size


def too_large(size: int, most: int, resource: str) -> ImageRefused:
    """The error of an image above what its account or store allows."""
    return ImageRefused(
        f"{size} bytes are more than the {most} allowed",
        resource=resource,
        code="too_large",
        hint="raise the account's or the store's limit",
    )
