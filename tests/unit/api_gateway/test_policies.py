"""Motion policies are kept by data-motion and read back at once; what-if is asked of it."""

from typing import Any

from api_gateway.deps import Deps
from stowage_contracts.errors import NoStrategy
from stowage_contracts.messages.data_motion import (
    CopyExplained,
    ExplainCopy,
    MotionPolicyChanged,
    MotionPolicyRemoved,
    RemoveMotionPolicy,
    SetMotionPolicy,
)
from stowage_contracts.values import CacheUse, HypervisorKind
from stowage_contracts.views import MotionPolicyView, StrategyAnswer
from stowage_runtime.testing.bench import ServiceBench

from tests.unit.api_gateway import words
from tests.unit.api_gateway.api import Api

Bench = ServiceBench[Deps]
POLICY = MotionPolicyView(
    id="z1",
    pin="direct",
    forbid=("via-cache",),
    caches=CacheUse.ALWAYS,
    caches_of={HypervisorKind.KVM: CacheUse.NEVER},
)
TOLD = POLICY.model_dump(mode="json")
WANTED = {
    "pin": "direct",
    "forbid": ["via-cache"],
    "caches": "always",
    "caches_of": {"KVM": "never"},
}


async def test_a_policy_is_read_at_once_and_data_motion_told(api: Api, bench: Bench) -> None:
    await bench.handle(words.zone("z1"), sequence=1)
    made = await api.call("PUT", "/v1/motion-policies/z1", WANTED)
    assert (made.status, made.body) == (202, TOLD)
    assert (await api.get("/v1/motion-policies/z1")).body == TOLD
    (sent,) = await bench.sent()
    assert (sent.message, sent.to) == (SetMotionPolicy(policy=POLICY), "data-motion")


async def test_the_default_policy_needs_no_zone(api: Api) -> None:
    assert (await api.call("PUT", "/v1/motion-policies/default", {})).status == 202
    assert (await api.get("/v1/motion-policies")).body["items"] == [
        {"id": "default", "pin": "", "forbid": [], "caches": "when-required", "caches_of": {}}
    ]


async def test_a_removed_policy_is_not_found(api: Api, bench: Bench) -> None:
    await bench.handle(MotionPolicyChanged(state=POLICY), sequence=1)
    assert (await api.delete("/v1/motion-policies/z1")).status == 202
    (sent,) = await bench.sent()
    assert (sent.message, sent.to) == (RemoveMotionPolicy(policy_id="z1"), "data-motion")
    await bench.handle(MotionPolicyRemoved(state=POLICY), sequence=2)
    assert (await api.get("/v1/motion-policies/z1")).status == 404
    assert (await api.delete("/v1/motion-policies/z1")).status == 404


async def test_a_policy_that_cannot_be_is_refused(api: Api, bench: Bench) -> None:
    table: list[Any] = [
        ("z9", {"pin": "direct"}, 404, "not_found"),
        ("default", {"pin": "a", "forbid": ["a"]}, 400, "invalid.body"),
        ("default", {"pin": "no name"}, 400, "invalid.body"),
        ("default", {"pinned": "direct"}, 400, "invalid.body"),
        ("default", {"caches": "often"}, 400, "invalid.body"),
        ("default", {"caches_of": {"Hyper-V": "never"}}, 400, "invalid.body"),
        ("no%20id", {}, 400, "invalid.id"),
    ]
    for key, body, status, code in table:
        answer = await api.call("PUT", f"/v1/motion-policies/{key}", body)
        assert (answer.status, answer.body["code"]) == (status, code), (key, body)
    assert await bench.said() == []


async def test_what_if_is_asked_of_data_motion_alone(api: Api, bench: Bench) -> None:
    was = StrategyAnswer(strategy="direct", priority=1, reason="both reach it", chosen=True)
    now = was.model_copy(update={"priority": 0, "reason": "no agent", "chosen": False})
    problem = NoStrategy("no agent", hint="an agent").problem
    answer = CopyExplained(copy_id="c1", then=(was,), now=(now,), problem=problem)
    bench.bus.replies[ExplainCopy] = lambda question: answer
    await bench.handle(words.planned("c1", answers=[was.model_dump()]), sequence=1)
    plain = (await api.get("/v1/copies/c1/explain")).body
    assert (plain["now"], bench.bus.asked) == (None, [])
    told = (await api.get("/v1/copies/c1/explain?what_if=true")).body
    assert bench.bus.asked == [(ExplainCopy(copy_id="c1"), "data-motion")]
    assert told["answers"][0]["reason"] == "both reach it"
    assert told["now"][0]["reason"] == "no agent"
    assert told["now_problem"]["hint"] == "an agent"
