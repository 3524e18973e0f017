"""One blow: begun, struck, risen, ended; then everything is looked at, deleted, looked at again."""

from __future__ import annotations

from tests.failure.objects.flows import Flow
from tests.failure.objects.leftovers import at_rest, nothing_left
from tests.failure.objects.stage import until


async def survives(flow: Flow, step: str, victim: str) -> None:
    """The flow ends as if nothing had been, and nothing is left of the blow."""
    stage = flow.stage
    await flow.prepare()
    await at_rest(stage)
    async with stage.strike(step, victim):
        await flow.begin()
    template = await flow.end()
    await flow.check_bytes(template)
    assert template["error"] is None
    await nothing_left(stage)
    await stage.operator.call("DELETE", f"templates/{flow.id}")

    async def forgotten() -> bool:
        query = f"SELECT id FROM image_store.stored_object WHERE id = '{flow.id}'"
        return not await stage.rows(query)

    await until(forgotten, lambda: f"{flow.id} is gone")
    await nothing_left(stage)
