from collections.abc import Sequence
from typing import Any

import pytest
from data_motion.endpoints.locality import LocalityThenLoad
from data_motion.model.plan import Decision, decide
from data_motion.strategies.direct import DirectStrategy
from data_motion.strategies.hypervisor_native import HypervisorNativeStrategy
from data_motion.strategies.store_native import StoreNativeStrategy
from data_motion.strategies.via_cache import ViaCacheStrategy
from stowage_contracts.plugins.data_motion_strategy import (
    AgentView,
    Answer,
    DataMotionStrategy,
    HopLeg,
    MotionAsk,
    MotionPlan,
    Priority,
)
from stowage_contracts.testing.endpoint_suite import EndpointSuite
from stowage_contracts.testing.motion_strategy_suite import MotionStrategySuite
from stowage_contracts.values import CopyEnd, ImageFormat, Scope, StoreState
from stowage_contracts.views import StoreView

from tests.unit.data_motion.build import asked, cache, image, kvm, mover, pool, url, xen

BUILT_IN: dict[str, DataMotionStrategy] = {
    "direct": DirectStrategy(),
    "via-cache": ViaCacheStrategy(),
}


class TestDirectKeepsTheContract(MotionStrategySuite):
    @pytest.fixture
    def strategy(self) -> DirectStrategy:
        return DirectStrategy()


class TestViaCacheKeepsTheContract(MotionStrategySuite):
    @pytest.fixture
    def strategy(self) -> ViaCacheStrategy:
        return ViaCacheStrategy()


class TestHypervisorNativeKeepsTheContract(MotionStrategySuite):
    @pytest.fixture
    def strategy(self) -> HypervisorNativeStrategy:
        return HypervisorNativeStrategy()


class TestStoreNativeKeepsTheContract(MotionStrategySuite):
    @pytest.fixture
    def strategy(self) -> StoreNativeStrategy:
        return StoreNativeStrategy()


class TestLocalityKeepsTheContract(EndpointSuite):
    @pytest.fixture
    def selector(self) -> LocalityThenLoad:
        return LocalityThenLoad()


def decided(
    source: CopyEnd,
    destination: CopyEnd,
    agents: Sequence[AgentView] = (),
    caches: Sequence[StoreView] = (),
    **changes: Any,
) -> Decision:
    request = asked(source=source, destination=destination, **changes)
    ask = MotionAsk(request=request, agents=tuple(agents), caches=tuple(caches))
    return decide(ask, BUILT_IN)


NEAR_POD = Scope(type="pod", id="p1", zone_id="z1")
FAR_POD = Scope(type="pod", id="p9", zone_id="z1")
NFS = image("nfs", schemes=("file",), root="/pool/nfs", scope=Scope.zone("z1"))
RAW = pool(kvm(), format=ImageFormat.RAW)
CONVERTS = (ImageFormat.QCOW2, ImageFormat.RAW)

CARRIED = {
    "a URL to S3 by a mover": (url(), image(), [mover()], [], "direct"),
    "a URL to S3 by a KVM host": (url(), image(), [kvm()], [], "direct"),
    "a URL to NFS": (url(), NFS, [mover()], [], "direct"),
    "S3 to a KVM pool": (image(), pool(kvm()), [kvm(), xen()], [], "direct"),
    "S3 to a KVM pool past a cache": (image(), pool(kvm()), [kvm()], [cache()], "direct"),
    "NFS to XenServer that mounts it": (NFS, pool(xen()), [xen()], [cache()], "direct"),
    "S3 to S3": (image(), image("s3b"), [mover()], [], "direct"),
    "qcow2 to raw where that is known": (image(), RAW, [kvm(convert=CONVERTS)], [], "direct"),
    "S3 to XenServer": (image(), pool(xen()), [xen(), mover()], [cache()], "via-cache"),
    "S3 to XenServer by KVM": (image(), pool(xen()), [xen(), kvm()], [cache()], "via-cache"),
    "a cache of the pod": (
        image(),
        pool(xen()),
        [xen(), kvm()],
        [cache(scope=NEAR_POD)],
        "via-cache",
    ),
    "a cache of the region": (
        image(),
        pool(xen()),
        [xen(), mover()],
        [cache(scope=Scope.region())],
        "via-cache",
    ),
}


@pytest.mark.parametrize("case", CARRIED)
def test_each_copy_is_carried_by_the_strategy_an_operator_expects(case: str) -> None:
    source, destination, agents, caches, strategy = CARRIED[case]
    decision = decided(source, destination, agents, caches)
    assert decision.strategy == strategy
    assert [answer.strategy for answer in decision.answers if answer.chosen] == [strategy]
    assert len(decision.answers) == len(BUILT_IN)
    assert len(decision.plan.hops) == (2 if strategy == "via-cache" else 1)


XEN = "XenServer host xen1 in zone z1 reads only file, not https: needs a cache store in its scope"
REFUSED = {
    "nobody joined": (image(), pool(kvm()), [], [], "host kvm1 that reads https"),
    "no cache": (image(), pool(xen()), [xen(), mover()], [], XEN),
    "a cache elsewhere": (
        image(),
        pool(xen()),
        [xen(), mover()],
        [cache(scope=Scope.zone("z2"))],
        XEN,
    ),
    "a cache of another pod": (image(), pool(xen()), [xen(), mover()], [cache(scope=FAR_POD)], XEN),
    "a cache that drains": (
        image(),
        pool(xen()),
        [xen(), mover()],
        [cache(state=StoreState.DRAINING)],
        XEN,
    ),
    "nobody to fill the cache": (
        image(),
        pool(xen()),
        [xen()],
        [cache()],
        "an agent that reads https and writes to cache",
    ),
    "nobody fetches URLs": (url(), image(), [xen()], [], "an agent that reads https"),
    "a directory nobody sees": (
        image("nfs", schemes=("file",), root="/mnt/nfs"),
        image(),
        [kvm()],
        [],
        "reads file",
    ),
    "a directory with a similar name": (
        image("nfs", schemes=("file",), root="/pooling"),
        image(),
        [kvm()],
        [],
        "reads file",
    ),
    "a path that climbs out": (
        image("nfs", schemes=("file",), root="/pool/../etc"),
        image(),
        [kvm()],
        [],
        "reads file",
    ),
    "a pool of another hypervisor": (
        image(),
        pool(xen(), scope=Scope.zone("z1")),
        [kvm()],
        [],
        "a XenServer host",
    ),
    "a conversion nobody knows": (image(), RAW, [kvm()], [], "host kvm1"),
    "a store of another zone": (
        image(scope=Scope.zone("z2")),
        image("b"),
        [kvm()],
        [],
        "an agent that reads https",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_nobody_can_carry_is_refused_naming_what_is_missing(case: str) -> None:
    source, destination, agents, caches, missing = REFUSED[case]
    decision = decided(source, destination, agents, caches)
    assert decision.problem is not None
    assert decision.problem.code == "no_strategy"
    assert decision.problem.resource == "copy/copy1"
    assert missing in decision.problem.hint
    assert not any(answer.chosen for answer in decision.answers)


@pytest.mark.parametrize("unknown", [{"size": None}, {"digest": None}])
def test_a_cache_is_no_way_for_bytes_of_unknown_size_or_digest(unknown: dict[str, None]) -> None:
    decision = decided(image(), pool(xen()), [xen(), mover()], [cache()], **unknown)
    assert decision.problem is not None
    assert "size and digest are known" in decision.problem.cause


def test_the_hop_into_a_local_pool_is_bound_to_its_host() -> None:
    direct = decided(image(), pool(kvm()), [kvm(), kvm("kvm2")])
    staged = decided(image(), pool(xen()), [xen(), mover()], [cache()])
    assert [leg.must_run_on for leg in direct.plan.hops] == ["kvm1"]
    assert [leg.must_run_on for leg in staged.plan.hops] == [None, "xen1"]


class Stranger:
    def __init__(self, name: str, priority: Priority, *hops: HopLeg) -> None:
        self.name, self.priority, self.hops = name, priority, hops

    def can_handle(self, ask: MotionAsk) -> Answer:
        return Answer(priority=self.priority, reason="as told")

    def plan(self, ask: MotionAsk) -> MotionPlan:
        return MotionPlan(hops=self.hops)


class Broken(Stranger):
    def can_handle(self, ask: MotionAsk) -> Answer:
        raise RuntimeError("a bug")


ASK = MotionAsk(request=asked(destination=pool(kvm())), agents=(kvm(),))


def test_the_highest_priority_wins_and_ties_go_by_name() -> None:
    strategies = {
        "b": Stranger("b", Priority.HYPERVISOR, HopLeg()),
        "a": Stranger("a", Priority.HYPERVISOR, HopLeg()),
        **BUILT_IN,
    }
    assert decide(ASK, strategies).strategy == "a"


def test_a_broken_strategy_is_told_in_the_answers_and_stops_nobody() -> None:
    decision = decide(ASK, {"broken": Broken("broken", Priority.HIGHEST), **BUILT_IN})
    assert decision.strategy == "direct"
    assert "RuntimeError: a bug" in decision.answers[0].reason


def test_a_plan_that_can_not_be_run_goes_to_the_next_strategy() -> None:
    odd = Stranger("odd", Priority.HIGHEST, HopLeg(), HopLeg(), HopLeg())
    decision = decide(ASK, {"odd": odd, **BUILT_IN})
    assert decision.strategy == "direct"
    assert "3 hops" in next(a.reason for a in decision.answers if a.strategy == "odd")
