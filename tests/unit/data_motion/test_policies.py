"""What operators pin and forbid, kept, honoured and told; what would be decided today."""

import pytest
from data_motion.model.plan import Decision, decide
from data_motion.model.policy import Choice
from data_motion.records import PolicyRecord
from stowage_contracts.errors import NotFound
from stowage_contracts.messages.cache_autoscaler import CacheAdded
from stowage_contracts.messages.data_motion import (
    CopyExplained,
    CopyFailed,
    ExplainCopy,
    MotionPolicyChanged,
    MotionPolicyRemoved,
    RemoveMotionPolicy,
    SetMotionPolicy,
)
from stowage_contracts.messages.hypervisor_agent import ExecuteHop
from stowage_contracts.plugins.data_motion_strategy import MotionAsk
from stowage_contracts.values import Scope
from stowage_contracts.views import MotionPolicyView, StrategyAnswer
from stowage_runtime.bus import Rejected

from tests.unit.data_motion.build import asked, cache, image, kvm, mover, pool, xen
from tests.unit.data_motion.decision_table import BUILT_IN
from tests.unit.data_motion.scene import Scene

ZONE = "z1"
SAME = {"server": "s3:one"}


def ruled(policy: PolicyRecord | None, ask: MotionAsk) -> Decision:
    return decide(ask, BUILT_IN, Choice(policy))


def by_name(answers: tuple[StrategyAnswer, ...]) -> dict[str, StrategyAnswer]:
    return {answer.strategy: answer for answer in answers}


CLONABLE = MotionAsk(
    request=asked(source=image("a", **SAME), destination=image("b", **SAME)), agents=(mover(),)
)


def test_a_forbidden_strategy_keeps_its_answer_and_the_next_one_is_used() -> None:
    decision = ruled(PolicyRecord(id=ZONE, forbid=("store-native",)), CLONABLE)
    assert decision.strategy == "direct"
    answer = by_name(decision.answers)["store-native"]
    assert answer.reason.startswith("a and b are of one server")
    assert answer.reason.endswith("forbidden by the policy of zone z1")
    assert answer.priority > by_name(decision.answers)["direct"].priority
    assert not answer.chosen


def test_a_pinned_strategy_is_used_before_better_ones() -> None:
    decision = ruled(PolicyRecord(id="default", pin="direct"), CLONABLE)
    assert decision.strategy == "direct"
    told = by_name(decision.answers)["store-native"].reason
    assert told.endswith("not used: the default policy pins direct")


def test_a_pinned_strategy_that_can_not_is_refused_with_what_it_lacks() -> None:
    ask = MotionAsk(
        request=asked(destination=pool(xen())), agents=(xen(), mover()), caches=(cache(),)
    )
    assert ruled(None, ask).strategy == "via-cache"
    problem = ruled(PolicyRecord(id=ZONE, pin="direct"), ask).problem
    assert problem is not None
    assert "host xen1 that reads https and writes file" in problem.hint
    assert "change the policy of zone z1, which bars via-cache" in problem.hint


def test_a_pinned_strategy_that_is_not_installed_is_named() -> None:
    problem = ruled(PolicyRecord(id=ZONE, pin="acme"), CLONABLE).problem
    assert problem is not None
    assert "the policy of zone z1 pins acme, which is not installed" in problem.cause


async def set_policy(scene: Scene, id: str, pin: str = "", *forbid: str) -> None:
    await scene.bench.handle(
        SetMotionPolicy(policy=MotionPolicyView(id=id, pin=pin, forbid=forbid))
    )


async def test_the_policy_of_the_destinations_zone_goes_before_the_default(scene: Scene) -> None:
    await scene.join(kvm(), mover())
    await set_policy(scene, "default", "", "direct")
    await scene.ask("copy1", destination=pool(kvm()))
    failed = await scene.one(CopyFailed)
    assert "change the default policy, which bars direct" in failed.error.hint
    await set_policy(scene, "z1", "direct")
    await scene.ask("copy2", destination=pool(kvm()))
    assert (await scene.offer("copy2")).host_id == "kvm1"
    await scene.bench.handle(RemoveMotionPolicy(policy_id="z1"))
    await scene.ask("copy3", destination=pool(kvm(), key="other"))
    assert len(await scene.all(CopyFailed)) == 2


async def test_a_policy_is_told_as_it_now_is(scene: Scene) -> None:
    policy = MotionPolicyView(id="z1", forbid=("via-cache",))
    said = await scene.bench.handle(SetMotionPolicy(policy=policy))
    assert said == [MotionPolicyChanged(state=policy)]
    assert said[0].resource is not None
    said = await scene.bench.handle(RemoveMotionPolicy(policy_id="z1"))
    assert said == [MotionPolicyRemoved(state=policy)]
    assert await scene.bench.handle(RemoveMotionPolicy(policy_id="z1")) == []


async def test_a_policy_that_leaves_nothing_is_refused(scene: Scene) -> None:
    with pytest.raises(Rejected):
        await set_policy(scene, "z1", "direct", "direct")


async def explained(scene: Scene, copy_id: str = "copy1") -> CopyExplained:
    reply = await scene.bench.ask(ExplainCopy(copy_id=copy_id))
    assert isinstance(reply, CopyExplained)
    return reply


async def test_a_refused_copy_is_explained_with_what_there_is_today(scene: Scene) -> None:
    await scene.join(xen(), mover())
    await scene.ask(destination=pool(xen()))
    refused = await scene.one(CopyFailed)
    await scene.bench.handle(CacheAdded(state=cache(scope=Scope.zone("z1"))))
    told = await explained(scene)
    assert told.then == refused.state.answers
    assert told.problem is None
    assert [a.strategy for a in told.now if a.chosen] == ["via-cache"]
    assert not any(answer.chosen for answer in told.then)


async def test_a_finished_copy_is_explained_with_todays_policy(scene: Scene) -> None:
    await scene.join(mover())
    await scene.ask()
    await scene.finish()
    await set_policy(scene, "default", "via-cache")
    told = await explained(scene)
    assert [a.strategy for a in told.then if a.chosen] == ["direct"]
    assert not any(answer.chosen for answer in told.now)
    assert told.problem is not None
    assert told.problem.code == "no_strategy"


async def test_an_explanation_changes_nothing(scene: Scene) -> None:
    await scene.join(mover())
    await scene.ask()
    before = await scene.bench.said()
    await explained(scene)
    assert await scene.bench.said() == before
    assert len(await scene.all(ExecuteHop)) == 1


async def test_a_copy_nobody_remembers_is_not_explained(scene: Scene) -> None:
    with pytest.raises(NotFound):
        await explained(scene, "never")
