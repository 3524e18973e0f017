"""Following copies and templates until they have ended."""

from collections.abc import AsyncIterator
from contextlib import aclosing

from stowage_contracts.values import StoreState, Transfer
from stowage_contracts.views import CopyView, StoreView, TemplateView

from stowage_client.client import LONGEST_WAIT, Client
from stowage_client.events import Event

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


async def settled_template(client: Client, template_id: str) -> TemplateView:
    """The template once it is ready, has failed or was removed; raises StowageError."""
    while True:
        view = await client.templates.show(template_id, wait=LONGEST_WAIT)
        if view.ready or view.error or view.removed:
            return view


async def settled_store(client: Client, store_id: str) -> StoreView:
    """The store once its first probe has spoken; raises StowageError."""
    while True:
        view = await client.stores.show(store_id, wait=LONGEST_WAIT)
        if view.state is not StoreState.ADDING:
            return view
