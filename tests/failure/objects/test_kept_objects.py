"""image-store or an agent dies while objects are kept: copied, moved off, scrubbed."""

from __future__ import annotations

import pytest

from tests.failure.objects.cases import survives
from tests.failure.objects.flows import Evacuation, Flow, Scrub, SiblingCopy
from tests.failure.objects.stage import AGENT, Stage

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(240), pytest.mark.slow]
STORE = "image-store"
BLOWS = (
    (SiblingCopy, "ChangeObject", STORE),
    (SiblingCopy, "an upload was created", STORE),
    (SiblingCopy, "a part was sent", AGENT),
    (SiblingCopy, "an upload was completed", STORE),
    (SiblingCopy, "a note was written", STORE),
    (Evacuation, "EvacuateStore", STORE),
    (Evacuation, "ReplicaReady", STORE),
    (Scrub, "InspectObject", AGENT),
    (Scrub, "ObjectInspected", STORE),
    (Scrub, "ReplicaDamaged", STORE),
)


@pytest.mark.parametrize(
    "number", range(len(BLOWS)), ids=[f"{f.__name__}-{s}-{v}" for f, s, v in BLOWS]
)
async def test_it_ends_as_wished(stage: Stage, number: int) -> None:
    flow, step, victim = BLOWS[number]
    made: Flow = flow(stage, 200 + number)
    await survives(made, step, victim)
