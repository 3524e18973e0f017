"""stowage policy, and stowage copy explain --what-if."""

from api_gateway.deps import Deps
from stowage_contracts.errors import NoStrategy
from stowage_contracts.messages.data_motion import (
    CopyExplained,
    ExplainCopy,
    MotionPolicyChanged,
    RemoveMotionPolicy,
    SetMotionPolicy,
)
from stowage_contracts.views import MotionPolicyView, StrategyAnswer
from stowage_runtime.testing.bench import ServiceBench

from tests.unit.api_gateway import words
from tests.unit.client.conftest import Command

Bench = ServiceBench[Deps]

DIRECT = StrategyAnswer(strategy="direct", priority=1, reason="it may", chosen=True)
CACHED = StrategyAnswer(strategy="via-cache", priority=0, reason="no need")


async def test_policies_are_set_listed_and_removed(stowage: Command, bench: Bench) -> None:
    await bench.handle(words.zone("z1"), sequence=1)
    line = "policy set z1 --pin direct --forbid via-cache --forbid acme"
    assert (await stowage(*line.split())).code == 0
    policy = MotionPolicyView(id="z1", pin="direct", forbid=("via-cache", "acme"))
    assert await bench.said() == [SetMotionPolicy(policy=policy)]
    await bench.handle(MotionPolicyChanged(state=policy), sequence=1)
    listed = (await stowage("policy", "list")).out.splitlines()
    assert listed[1].split() == ["z1", "direct", "via-cache,", "acme", "when-required"]
    assert "direct" in (await stowage("policy", "show", "z1")).out
    assert (await stowage("policy", "remove", "z1")).code == 0
    assert len(await bench.said(RemoveMotionPolicy)) == 1
    assert (await stowage("policy", "set", "z9", "--pin", "direct")).code == 1


async def test_what_if_stands_beside_what_was(stowage: Command, bench: Bench) -> None:
    now = (
        DIRECT.model_copy(update={"reason": "it may no more", "chosen": False}),
        CACHED.model_copy(update={"chosen": True, "priority": 1, "reason": "a cache came"}),
    )
    told = CopyExplained(copy_id="c1", then=(DIRECT, CACHED), now=now)
    bench.bus.replies[ExplainCopy] = lambda question: told
    answers = [DIRECT.model_dump(), CACHED.model_dump()]
    await bench.handle(words.planned("c1", answers=answers), sequence=1)
    lines = (await stowage("copy", "explain", "c1", "--what-if")).out.splitlines()
    assert lines[1].split() == ["strategy", "then", "now"]
    assert lines[2].split() == ["direct", "*", "it", "may", "it", "may", "no", "more"]
    assert lines[3].split() == ["via-cache", "no", "need", "*", "a", "cache", "came"]
    assert lines[4] == "today: via-cache"


async def test_what_would_be_refused_today_says_what_is_missing(
    stowage: Command, bench: Bench
) -> None:
    problem = NoStrategy("nobody", hint="add an agent").problem
    told = CopyExplained(copy_id="c1", then=(DIRECT,), now=(CACHED,), problem=problem)
    bench.bus.replies[ExplainCopy] = lambda question: told
    await bench.handle(words.planned("c1", answers=[DIRECT.model_dump()]), sequence=1)
    out = (await stowage("copy", "explain", "c1", "--what-if")).out
    assert "today: refused; add an agent" in out
    assert "was not asked" in out
