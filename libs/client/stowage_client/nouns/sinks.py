"""Sinks."""

from datetime import datetime
from typing import Any

from stowage_contracts.sinks import SinkMade, SinkTried, SinkView

from stowage_client.nouns.collection import Collection, given
from stowage_client.session import Ask, Session


class Sinks(Collection[SinkView]):
    """Where events go: webhooks, and exchanges of a broker."""

    def __init__(self, session: Session) -> None:
        super().__init__(session, "sinks", SinkView)

    async def add(self, name: str, kind: str, **more: Any) -> SinkMade:
        """Make one; the answer has the secret that signs for it, once. ``more`` are fields of the
        API's ``NewSink``: url, exchange, format, nouns, types, batch, rate, after, …"""
        return await self._add(SinkMade, {"name": name, "kind": kind, **more}, once=True)

    async def change(self, id: str, **changes: Any) -> SinkView:
        """Change what is given."""
        return await self._do("PATCH", id, changes)

    async def remove(self, id: str) -> SinkView:
        """Forget it."""
        return await self._do("DELETE", id)

    async def pause(self, id: str) -> SinkView:
        """Tell it nothing for now."""
        return await self._do("POST", f"{id}/pause")

    async def resume(self, id: str) -> SinkView:
        """Go on where it stopped."""
        return await self._do("POST", f"{id}/resume")

    async def redeliver(
        self, id: str, *, after: str | None = None, since: datetime | None = None
    ) -> SinkView:
        """Tell it events again after a position (``oldest``, ``now``), or since a time."""
        when = since.isoformat() if since is not None else None
        return await self._do("POST", f"{id}/redeliver", given({"after": after, "since": when}))

    async def rotate(
        self, id: str, *, secret: str | None = None, keep_seconds: float | None = None
    ) -> SinkMade:
        """Sign with a new secret; the one before signs too for so long."""
        body = given({"secret": secret, "keep_seconds": keep_seconds})
        return await self._ask(SinkMade, Ask("POST", f"{self._path}/{id}/rotate", body, once=True))

    async def test(self, id: str) -> SinkTried:
        """Send it one event now."""
        return await self._ask(SinkTried, Ask("POST", f"{self._path}/{id}/test", keyless=True))
