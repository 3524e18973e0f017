"""What every DataMotionStrategy must do. Subclass it and give a ``strategy`` fixture::

    class TestAcme(MotionStrategySuite):
        @pytest.fixture
        def strategy(self):
            return AcmeStrategy()

Override ``asks`` to add copies your strategy is made for.
"""

from collections.abc import Sequence

import pytest

from stowage_contracts.hosts import HostAbilities
from stowage_contracts.messages.image_store import CopyRequested
from stowage_contracts.plugins.data_motion_strategy import (
    AgentView,
    DataMotionStrategy,
    MotionAsk,
    Priority,
)
from stowage_contracts.values import (
    CopyEnd,
    EndKind,
    GrantRef,
    HopMethod,
    HypervisorKind,
    ImageFormat,
    Location,
    ObjectKind,
    ObjectRef,
    Scope,
    ScopeType,
    ServiceName,
    StoreRole,
    StoreState,
)
from stowage_contracts.views import StoreView

_OBJECT = ObjectRef(kind=ObjectKind.TEMPLATE, id="t1")
_SIZE, _DIGEST = 64 << 20, "sha256-tree-4m:" + "0" * 64


def ordinary_asks() -> tuple[MotionAsk, ...]:
    """Copies every cloud knows: registration, store to pool, a host that reads files only, stores
    of one server, volumes between pools, volumes made on their pool."""
    kvm, xen, mover = _agents()
    everyone = (kvm, xen, mover)
    url, image = _end("url", ("https",), kind=EndKind.URL), _end("image", ("https",))
    pools = _pool(kvm), _pool(xen)
    return (
        MotionAsk(request=_request(url, image), agents=everyone),
        MotionAsk(request=_request(url, image), agents=()),
        *(MotionAsk(request=_request(image, pool), agents=everyone) for pool in pools),
        *(_with_cache(_request(image, pool), everyone) for pool in pools),
        _with_cache(_request(image, pools[1], size=None), everyone),
        _with_cache(_request(image, pools[1]), (xen,)),
        *_by_themselves(kvm, mover),
    )


class MotionStrategySuite:
    """Every behaviour a strategy promises, over ``asks``."""

    @pytest.fixture
    def asks(self) -> Sequence[MotionAsk]:
        """Copies to be asked about."""
        return ordinary_asks()

    def test_it_has_a_name(self, strategy: DataMotionStrategy) -> None:
        assert strategy.name.strip()

    def test_every_answer_gives_a_reason(
        self, strategy: DataMotionStrategy, asks: Sequence[MotionAsk]
    ) -> None:
        for ask in asks:
            assert strategy.can_handle(ask).reason.strip()

    def test_the_same_ask_gets_the_same_answer_and_plan(
        self, strategy: DataMotionStrategy, asks: Sequence[MotionAsk]
    ) -> None:
        for ask in asks:
            answer = strategy.can_handle(ask)
            assert strategy.can_handle(ask) == answer
            if answer.priority > Priority.CANT_HANDLE:
                assert strategy.plan(ask) == strategy.plan(ask)

    def test_the_order_of_agents_and_caches_does_not_matter(
        self, strategy: DataMotionStrategy, asks: Sequence[MotionAsk]
    ) -> None:
        for ask in asks:
            turned = MotionAsk(
                request=ask.request, agents=ask.agents[::-1], caches=ask.caches[::-1]
            )
            assert strategy.can_handle(turned) == strategy.can_handle(ask)

    def test_without_an_agent_it_can_not_handle(
        self, strategy: DataMotionStrategy, asks: Sequence[MotionAsk]
    ) -> None:
        for ask in asks:
            alone = MotionAsk(request=ask.request, agents=(), caches=ask.caches)
            assert strategy.can_handle(alone).priority is Priority.CANT_HANDLE

    def test_a_plan_is_one_hop_or_two_that_meet_in_a_cache(
        self, strategy: DataMotionStrategy, asks: Sequence[MotionAsk]
    ) -> None:
        for ask in _handled(strategy, asks):
            legs = strategy.plan(ask).hops
            caches = [(leg.source_is_cache, leg.destination_is_cache) for leg in legs]
            assert caches in ([], [(False, False)], [(False, True), (True, False)])

    def test_a_hop_into_a_local_pool_must_run_on_its_host(
        self, strategy: DataMotionStrategy, asks: Sequence[MotionAsk]
    ) -> None:
        for ask in _handled(strategy, asks):
            scope = ask.request.destination.scope
            if scope.type is ScopeType.HOST and strategy.plan(ask).hops:
                assert strategy.plan(ask).hops[-1].must_run_on == scope.id

    def test_a_named_host_is_one_that_joined(
        self, strategy: DataMotionStrategy, asks: Sequence[MotionAsk]
    ) -> None:
        for ask in _handled(strategy, asks):
            joined = {agent.host_id for agent in ask.agents}
            named = {leg.must_run_on for leg in strategy.plan(ask).hops} - {None}
            assert named <= joined


def _by_themselves(kvm: AgentView, mover: AgentView) -> tuple[MotionAsk, ...]:
    """What stores and hypervisors may do themselves."""
    moving = kvm.abilities.model_copy(update={"moves": True})
    able = (kvm.model_copy(update={"abilities": moving}), mover)
    one, two = (_end(name, ("https",), server="s3:one") for name in ("one", "two"))
    pool = _pool(kvm)
    other = pool.model_copy(update={"store_id": "pool-b", "key": "t1-b.qcow2"})
    beside = pool.model_copy(update={"key": "v1.qcow2"})
    asked = [_request(one, two), _request(pool, other)]
    methods = (HopMethod.CLONE, HopMethod.BACKING)
    asked += [_request(pool, beside).model_copy(update={"method": each}) for each in methods]
    return tuple(MotionAsk(request=request, agents=able) for request in asked)


def _handled(strategy: DataMotionStrategy, asks: Sequence[MotionAsk]) -> list[MotionAsk]:
    return [ask for ask in asks if strategy.can_handle(ask).priority > Priority.CANT_HANDLE]


def _agents() -> tuple[AgentView, AgentView, AgentView]:
    web = ("http", "https", "file")
    return (
        _agent("kvm1", HypervisorKind.KVM, web, fetch=True),
        _agent("xen1", HypervisorKind.XENSERVER, ("file",)),
        _agent("mover1", HypervisorKind.NONE, web, fetch=True),
    )


def _agent(
    host_id: str, kind: HypervisorKind, schemes: tuple[str, ...], *, fetch: bool = False
) -> AgentView:
    return AgentView(
        host_id=host_id,
        location=Location(zone_id="z1", pod_id="p1", cluster_id="c1", host_id=host_id),
        abilities=HostAbilities(
            hypervisor=kind,
            reads=schemes,
            writes=schemes,
            fetch=fetch,
            roots=("/mnt/cache", f"/pool/{host_id}"),
        ),
    )


def _end(
    store: str, schemes: tuple[str, ...], kind: EndKind = EndKind.STORE, server: str = ""
) -> CopyEnd:
    return CopyEnd(
        kind=kind,
        object=_OBJECT,
        role=StoreRole.IMAGE,
        schemes=schemes,
        server=server,
        key="template/t1",
        store_id=None if kind is EndKind.URL else store,
        format=ImageFormat.QCOW2,
        grant=GrantRef(id=f"g-{store}", owner=ServiceName.IMAGE_STORE),
    )


def _pool(agent: AgentView) -> CopyEnd:
    return CopyEnd(
        object=_OBJECT,
        role=StoreRole.PRIMARY,
        store_id=f"pool-{agent.host_id}",
        scope=Scope(type=ScopeType.HOST, id=agent.host_id, zone_id="z1"),
        schemes=("file",),
        root=f"/pool/{agent.host_id}",
        key="t1.qcow2",
        format=ImageFormat.QCOW2,
        hypervisor=agent.abilities.hypervisor,
        grant=GrantRef(id=f"g-pool-{agent.host_id}", owner=ServiceName.HYPERVISOR_AGENT),
    )


def _request(source: CopyEnd, destination: CopyEnd, size: int | None = _SIZE) -> CopyRequested:
    known = size if source.kind is EndKind.STORE else None
    return CopyRequested(
        copy_id="copy1",
        account_id="a1",
        source=source,
        destination=destination,
        size=known,
        digest=_DIGEST if known else None,
    )


def _with_cache(request: CopyRequested, agents: tuple[AgentView, ...]) -> MotionAsk:
    cache = StoreView(
        id="cache1",
        name="cache1",
        provider="directory",
        role=StoreRole.IMAGE_CACHE,
        scope=Scope.zone("z1"),
        state=StoreState.UP,
    )
    return MotionAsk(request=request, agents=agents, caches=(cache,))
