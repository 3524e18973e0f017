"""Motion policies."""

from collections.abc import Sequence
from typing import Any

from stowage_contracts.views import MotionPolicyView

from stowage_client.nouns.collection import Collection, given
from stowage_client.session import Session


class Policies(Collection[MotionPolicyView]):
    """Which strategies may carry copies into a zone; ``default`` is for zones without one."""

    def __init__(self, session: Session) -> None:
        super().__init__(session, "motion-policies", MotionPolicyView)

    async def set(
        self, id: str, *, pin: str | None = None, forbid: Sequence[str] = (), **caching: Any
    ) -> MotionPolicyView:
        """Add it, or replace the one of its zone; ``caches`` and ``caches_of`` (by hypervisor)
        say whether copies go through caches."""
        return await self._do("PUT", id, given({"pin": pin, "forbid": list(forbid), **caching}))

    async def remove(self, id: str) -> MotionPolicyView:
        """Let the best strategy win there again."""
        return await self._do("DELETE", id)
