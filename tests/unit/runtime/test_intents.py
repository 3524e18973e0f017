"""Intents on a bench: run, retried, given up; the outcome is recorded once."""

from datetime import timedelta

import pytest
from stowage_contracts.errors import NotFound, OutOfSpace, StowageError, Unavailable
from stowage_contracts.messages.image_store import AddPod, PodAdded
from stowage_contracts.views import PodView
from stowage_runtime.testing import ServiceBench

from tests.unit.runtime.toy import Survey, World

Bench = ServiceBench[World]
POD = AddPod(pod_id="p", zone_id="z", name="n")
ADDED = PodAdded(state=PodView(id="p", name="n", zone_id="z"))


async def pods(bench: Bench) -> list[str]:
    async with bench.tx() as tx:
        return [row["name"] for row in await tx.rows("pods")]


async def test_the_outcome_is_recorded_and_said_and_the_intent_is_gone(bench: Bench) -> None:
    await bench.handle(POD)

    assert await bench.run_intents() == 1

    assert await pods(bench) == ["n"]
    assert await bench.said() == [ADDED]
    assert await bench.intents() == []
    assert await bench.run_intents() == 0


async def test_an_intent_of_a_rolled_back_transaction_never_runs(
    bench: Bench, world: World
) -> None:
    async def intend_and_fail() -> None:
        async with bench.tx() as tx:
            await tx.intend("survey", Survey(pod_id="p", name="n"), within=timedelta(1))
            raise RuntimeError("on purpose")

    with pytest.raises(RuntimeError, match="on purpose"):
        await intend_and_fail()

    assert await bench.run_intents() == 0
    assert world.surveyed == []


@pytest.mark.parametrize("error", [Unavailable("no answer", code="store"), ValueError("odd")])
async def test_what_may_pass_is_tried_again_after_a_while(
    bench: Bench, world: World, error: Exception
) -> None:
    world.faults = [error]
    await bench.handle(POD)
    await bench.run_intents()
    assert await bench.run_intents() == 0

    await bench.pass_time(timedelta(seconds=1))
    assert await bench.run_intents() == 1

    assert world.surveyed == ["p", "p"]
    assert world.given_up == []
    assert await pods(bench) == ["n"]


@pytest.mark.parametrize("error", [NotFound("gone"), OutOfSpace("full")])
async def test_what_cannot_pass_is_given_up_at_once(
    bench: Bench, world: World, error: StowageError
) -> None:
    world.faults = [error]
    await bench.handle(POD)
    await bench.run_intents()

    assert world.given_up == [error]
    assert await pods(bench) == [f"failed: {error.code}"]
    assert await bench.intents() == []


async def test_waits_grow_and_the_last_error_is_given_up_with_at_the_deadline(
    bench: Bench, world: World
) -> None:
    world.within, world.faults = timedelta(seconds=60), [Unavailable("no answer")] * 50
    await bench.handle(POD)
    attempts = 0
    for _ in range(120):
        attempts += await bench.run_intents()
        await bench.pass_time(timedelta(seconds=1))

    assert 5 <= attempts <= 9
    assert [error.code for error in world.given_up] == ["unavailable"]
    assert await bench.intents() == []


async def test_an_unforeseen_error_is_given_up_without_its_text(bench: Bench, world: World) -> None:
    world.within, world.faults = timedelta(seconds=0.1), [ValueError("password=canary")]
    await bench.handle(POD)
    await bench.run_intents()

    assert [error.code for error in world.given_up] == ["internal.unexpected"]
    assert "canary" not in world.given_up[0].problem.model_dump_json()


async def test_the_text_of_an_unforeseen_error_is_not_stored(bench: Bench, world: World) -> None:
    world.faults = [ValueError("password=canary")]
    await bench.handle(POD)
    await bench.run_intents()

    row = (await bench.database.fetch("runtime.pending"))[0]
    assert row["last_error"] == "ValueError"


async def test_an_intent_first_met_after_its_deadline_still_runs_once(
    bench: Bench, world: World
) -> None:
    await bench.handle(POD)
    await bench.pass_time(timedelta(days=2))
    await bench.run_intents()

    assert await pods(bench) == ["n"]


async def test_an_intent_that_was_begun_before_its_deadline_passed_is_given_up(
    bench: Bench, world: World
) -> None:
    world.faults = [Unavailable("no answer", code="store")]
    await bench.handle(POD)
    await bench.run_intents()
    await bench.pass_time(timedelta(days=2))
    await bench.run_intents()

    assert [error.code for error in world.given_up] == ["unavailable.deadline"]
    assert "no answer" in world.given_up[0].cause
    assert world.surveyed == ["p"]


async def test_of_one_kind_no_more_run_at_once_than_it_allows(bench: Bench, world: World) -> None:
    for number in range(5):
        await bench.handle(AddPod(pod_id=f"p{number}", zone_id="z", name="n"))

    assert [await bench.run_intents() for _ in range(4)] == [2, 2, 1, 0]


async def test_a_payload_that_cannot_be_read_stays_and_holds_nobody_up(bench: Bench) -> None:
    async with bench.tx() as tx:
        await tx.intend(
            "survey",
            AddPod(pod_id="p", zone_id="z", name="n").model_copy(update={"name": None}),
            within=timedelta(minutes=1),
        )
    await bench.handle(POD)

    assert await bench.run_intents() == 2

    assert await pods(bench) == ["n"]
    rows = await bench.database.fetch("runtime.pending")
    assert [row["last_error"] for row in rows] == ["ValidationError"]


async def test_an_outcome_may_intend_the_same_key_again(bench: Bench, world: World) -> None:
    world.again = 1
    await bench.handle(POD)
    await bench.run_intents()

    assert [survey.name for survey in await bench.intents("survey")] == ["again"]


async def test_giving_up_that_fails_is_tried_again(bench: Bench, world: World) -> None:
    async with bench.tx() as tx:
        await tx.run("add_pod", "p", "in the way")  # a second row of that id cannot be added
    world.faults = [NotFound("gone"), NotFound("gone")]
    await bench.handle(POD)
    await bench.run_intents()
    assert len(await bench.intents()) == 1

    async with bench.tx() as tx:
        await tx.run("drop_pods")
    await bench.pass_time(timedelta(minutes=2))
    await bench.run_intents()

    assert await pods(bench) == ["failed: not_found"]
    assert await bench.intents() == []
