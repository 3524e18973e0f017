"""image-store or an agent dies while objects come in: uploaded, copied by a server, adopted."""

from __future__ import annotations

import pytest

from tests.failure.objects.cases import survives
from tests.failure.objects.flows import Adoption, DoorUpload, Flow, ServerSideCopy, Upload
from tests.failure.objects.stage import AGENT, Stage

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(240), pytest.mark.slow]
STORE = "image-store"
BLOWS = (
    (Upload, "an upload was created", STORE),
    (Upload, "a part was sent", STORE),
    (Upload, "FinishUpload", STORE),
    (Upload, "an upload was completed", STORE),
    (Upload, "ObjectInspected", STORE),
    (DoorUpload, "a byte came in", AGENT),
    (DoorUpload, "a byte came in", STORE),
    (DoorUpload, "InspectObject", AGENT),
    (ServerSideCopy, "RegisterTemplate", STORE),
    (ServerSideCopy, "it was copied", STORE),
    (Adoption, "AdoptStore", STORE),
    (Adoption, "ReplicaReady", STORE),
)


@pytest.mark.parametrize(
    "number", range(len(BLOWS)), ids=[f"{f.__name__}-{s}-{v}" for f, s, v in BLOWS]
)
async def test_it_comes_in_whole_and_once(stage: Stage, number: int) -> None:
    flow, step, victim = BLOWS[number]
    made: Flow = flow(stage, 100 + number)
    await survives(made, step, victim)
