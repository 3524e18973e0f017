"""What all nouns have in common: listed page by page, shown, and asked to do things."""

from collections.abc import AsyncIterator, Mapping
from typing import Any, Generic, TypeVar

from stowage_contracts.values import Value

from stowage_client.answers import Page
from stowage_client.session import Ask, Session

V = TypeVar("V", bound=Value)
A = TypeVar("A", bound=Value)
PAGE = 200
LONGEST_WAIT = 30.0
"""Seconds of one request; a longer wait asks again."""


class Collection(Generic[V]):
    """All resources of one noun; every method raises StowageError."""

    def __init__(self, session: Session, path: str, view: type[V]) -> None:
        self._session, self._path, self.view = session, f"/v1/{path}", view

    async def list(self, **filters: Any) -> AsyncIterator[V]:
        """Each of them, newest first, page by page."""
        cursor: str | None = ""
        while cursor is not None:
            query = {"limit": PAGE, "cursor": cursor, **filters}
            found = await self._session.call(Ask("GET", self._path, query=query))
            page = Page[dict[str, Any]].model_validate(found)
            for item in page.items:
                yield self.view.model_validate(item)
            cursor = page.next

    async def show(self, id: str, *, wait: float = 0) -> V:
        """One of them; with ``wait`` once it has settled, at most so many seconds later."""
        ask = Ask("GET", f"{self._path}/{id}", wait=min(wait, LONGEST_WAIT))
        return self.view.model_validate(await self._session.call(ask))

    async def _add(self, kind: type[A], body: Mapping[str, Any], *, once: bool = False) -> A:
        return await self._ask(kind, Ask("POST", self._path, given(body), once=once))

    async def _do(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> V:
        return await self._ask(self.view, Ask(method, f"{self._path}/{path}", body))

    async def _ask(self, kind: type[A], ask: Ask) -> A:
        return kind.model_validate(await self._session.call(ask))


def given(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields without those that were left out."""
    return {name: value for name, value in fields.items() if value is not None}
