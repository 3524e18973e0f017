"""Following copies, objects and stores until they have come to an end."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Generic

from stowage_contracts.errors import Unavailable
from stowage_contracts.values import StoreState, Transfer
from stowage_contracts.views import CopyView, StoreView

from stowage_client.client import Client
from stowage_client.events import Event
from stowage_client.nouns.collection import LONGEST_WAIT, Collection, V
from stowage_client.nouns.objects import O, Objects

OBEY_SECONDS = 60.0
FINAL = {"done", "failed", "cancelled"}
BEFORE_RUNNING = {"requested", "planned"}
_WAY = ("requested", "planned", "waiting", "running")


async def copy_updates(client: Client, copy_id: str) -> AsyncIterator[CopyView]:
    """The copy now and at every change of its state or figures; ends when it has ended."""
    async with client.events(noun="copy", id=copy_id) as stream:
        view = await client.copies.show(copy_id)
        yield view
        if view.state in FINAL:
            return
        async with aclosing(aiter(stream)) as events:
            async for event in events:
                newest = await _after(event, view, client)
                if _older(newest, view):  # events may have been on their way when it was shown
                    continue
                view = newest
                yield view
                if view.state in FINAL:
                    return


async def _after(event: Event | None, view: CopyView, client: Client) -> CopyView:
    if event is not None and event.type == "CopyProgressed":
        figures = Transfer.model_validate(event.data["transfer"])
        return view.model_copy(update={"transfer": figures, "state": event.data["state"]})
    if event is not None and "state" in event.data:
        return _onwards(CopyView.model_validate(event.data["state"]), view)
    return await client.copies.show(view.id)


def _onwards(told: CopyView, view: CopyView) -> CopyView:
    """Progress overtakes events: what they tell of earlier states does not lead back there."""
    if view.state == "running" and told.state in BEFORE_RUNNING:
        return told.model_copy(update={"state": view.state, "transfer": view.transfer})
    return told


def _older(new: CopyView, known: CopyView) -> bool:
    """Whether a copy that only goes forward had already left that state."""
    if new.state not in _WAY or known.state not in _WAY:
        return False
    return _WAY.index(new.state) < _WAY.index(known.state)


async def settled(objects: Objects[O, Any], id: str) -> O:
    """The object once it is ready, has failed or was removed; raises StowageError."""
    while True:
        view = await objects.show(id, wait=LONGEST_WAIT)
        if view.ready or view.error or view.removed:
            return view


async def settled_store(client: Client, store_id: str) -> StoreView:
    """The store once its first probe has spoken; raises StowageError."""
    while True:
        view = await client.stores.show(store_id, wait=LONGEST_WAIT)
        if view.state is not StoreState.ADDING:
            return view


@dataclass(frozen=True)
class Watched(Generic[V]):
    """One resource whose changes are followed."""

    client: Client
    resources: Collection[V]
    noun: str
    id: str

    async def updates(self, order: Callable[[], Awaitable[object]]) -> AsyncGenerator[V, None]:
        """It at every change from before ``order`` was given, to no end of its own."""
        async with self.client.events(noun=self.noun, id=self.id) as stream:
            await order()
            async with aclosing(aiter(stream)) as events:
                async for event in events:
                    if event is None:
                        yield await self.resources.show(self.id)
                    elif "state" in event.data:
                        yield self.resources.view.model_validate(event.data["state"])

    async def obeyed(
        self,
        order: Callable[[], Awaitable[object]],
        done: Callable[[V], bool],
        seconds: float | None = OBEY_SECONDS,
    ) -> V:
        """It once its owner did what was ordered; raises Unavailable when that takes too long."""
        try:
            async with asyncio.timeout(seconds), aclosing(self.updates(order)) as updates:
                async for view in updates:
                    if done(view):
                        return view
        except TimeoutError:
            pass
        raise Unavailable(
            "the order was taken, its owner has not said that it is done",
            resource=f"{self.noun}/{self.id}",
            code="slow",
            hint=f"see: stowage {self.noun} show {self.id}",
        )


def watched_store(client: Client, store_id: str) -> Watched[StoreView]:
    """A store."""
    return Watched(client, client.stores, "store", store_id)
