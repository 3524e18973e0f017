"""Objects of another cloud, taken over where they lie."""

from collections.abc import Mapping, Sequence
from typing import Any

from stowage_client.answers import ImportedBatch, ImportedItem
from stowage_client.session import Ask, Session

Body = Mapping[str, Any]


class Imports:
    """The door for importers; every method raises StowageError."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def take(
        self, objects: Sequence[Body], accounts: Sequence[Body] = ()
    ) -> tuple[ImportedItem, ...]:
        """Take up to a hundred over; said again it changes nothing but what failed."""
        return await self._ask({"objects": [*objects], "accounts": [*accounts]})

    async def look(self, objects: Sequence[Body]) -> tuple[ImportedItem, ...]:
        """How far they are; nothing is asked for."""
        return await self._ask({"objects": [*objects], "mode": "look"})

    async def _ask(self, body: Body) -> tuple[ImportedItem, ...]:
        answer = await self._session.call(Ask("POST", "/v1/imports", body, keyless=True))
        return ImportedBatch.model_validate(answer).items
