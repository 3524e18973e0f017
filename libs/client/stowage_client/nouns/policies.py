"""Motion policies."""

from collections.abc import Sequence

from stowage_contracts.views import MotionPolicyView

from stowage_client.nouns.collection import Collection, given
from stowage_client.session import Session


class Policies(Collection[MotionPolicyView]):
    """Which strategies may carry copies into a zone; ``default`` is for zones without one."""

    def __init__(self, session: Session) -> None:
        super().__init__(session, "motion-policies", MotionPolicyView)

    async def set(
        self, id: str, *, pin: str | None = None, forbid: Sequence[str] = ()
    ) -> MotionPolicyView:
        """Add it, or replace the one of its zone."""
        return await self._do("PUT", id, given({"pin": pin, "forbid": list(forbid)}))

    async def remove(self, id: str) -> MotionPolicyView:
        """Let the best strategy win there again."""
        return await self._do("DELETE", id)
