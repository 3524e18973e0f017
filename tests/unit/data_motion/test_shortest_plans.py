"""No plan is longer than the shortest whose abilities are all declared: every path is tried.

But where an operator wants caches always, one lies between an image store and a host if it can.
"""

from itertools import product

from data_motion.model.plan import decide
from hypothesis import event, given, settings
from hypothesis import strategies as st
from stowage_contracts.messages.image_store import CopyRequested
from stowage_contracts.plugins.data_motion_strategy import AgentView, MotionAsk
from stowage_contracts.values import (
    CacheUse,
    CopyEnd,
    EndKind,
    HypervisorKind,
    ImageFormat,
    Location,
    Scope,
    ScopeType,
    StoreRole,
    StoreState,
)
from stowage_contracts.views import StoreView

from tests.unit.data_motion.build import (
    DIGEST,
    SIZE,
    abilities,
    asked,
    cache,
    fleet,
    image,
    pool,
    url,
)
from tests.unit.data_motion.decision_table import BUILT_IN

BY_THEMSELVES = ("hypervisor-native", "store-native")
KINDS = (HypervisorKind.KVM, HypervisorKind.XENSERVER, HypervisorKind.NONE)
SCHEMES = ("https", "file", "nfs")
ROOTS = ("/pool", "/mnt")
FORMATS = (ImageFormat.QCOW2, ImageFormat.RAW)
SCOPES = (
    Scope.region(),
    Scope.zone("z1"),
    Scope.zone("z2"),
    Scope(type=ScopeType.CLUSTER, id="c1", zone_id="z1"),
    *(Scope(type=ScopeType.HOST, id=f"h{n}", zone_id="z1") for n in range(3)),
)

some_schemes = st.sets(st.sampled_from(SCHEMES)).map(lambda found: tuple(sorted(found)))
some_end_schemes = st.sets(st.sampled_from(SCHEMES), min_size=1).map(lambda f: tuple(sorted(f)))


@st.composite
def agents(draw: st.DrawFn, number: int) -> AgentView:
    zone, cluster = draw(st.sampled_from([("z1", "c1"), ("z1", "c2"), ("z2", "c9")]))
    return AgentView(
        host_id=f"h{number}",
        location=Location(zone_id=zone, cluster_id=cluster, host_id=f"h{number}"),
        abilities=abilities(
            draw(st.sampled_from(KINDS)),
            reads=draw(some_schemes),
            writes=draw(some_schemes),
            roots=draw(st.sampled_from([(), ("/pool",), ("/mnt",), ROOTS])),
            fetch=draw(st.booleans()),
            convert=draw(st.sampled_from([(), FORMATS])),
            moves=draw(st.booleans()),
        ),
    )


@st.composite
def ends(draw: st.DrawFn, name: str) -> CopyEnd:
    given = {
        "schemes": draw(some_end_schemes),
        "scope": draw(st.sampled_from(SCOPES)),
        "root": draw(st.sampled_from(ROOTS)) + "/here",
        "format": draw(st.sampled_from(FORMATS)),
    }
    if draw(st.booleans()):
        return image(name, server=draw(st.sampled_from(["", "s3:one", "s3:two"])), **given)
    host = AgentView(
        host_id="h0", location=Location(), abilities=abilities(draw(st.sampled_from(KINDS[:2])))
    )
    return pool(host, store_id=name, **given)


@st.composite
def asks(draw: st.DrawFn) -> MotionAsk:
    source = draw(st.one_of(st.just(url()), ends("from"), ends("from"), ends("from")))
    known = source.kind is EndKind.STORE and draw(st.integers(0, 4)) > 0
    request = asked(
        source=source,
        destination=draw(ends("to")),
        size=SIZE if known else None,
        digest=DIGEST if known else None,
    )
    caches = [
        cache(f"cache{n}", scope=draw(st.sampled_from(SCOPES[:4])), state=draw(some_states))
        for n in range(draw(st.integers(0, 2)))
    ]
    fleets = [
        fleet(scope=draw(st.sampled_from(SCOPES[1:])), maximum=draw(st.integers(0, 2)))
        for _ in range(draw(st.integers(0, 1)))
    ]
    count = draw(st.integers(0, 3))
    return MotionAsk(
        request=request,
        agents=tuple(draw(agents(number)) for number in range(count)),
        caches=tuple(caches),
        fleets=tuple(fleets),
        cache_use=draw(st.sampled_from(CacheUse)),
    )


some_states = st.sampled_from(
    [StoreState.UP, StoreState.UP, StoreState.DRAINING, StoreState.DEGRADED]
)


@settings(max_examples=400, deadline=None)
@given(asks())
def test_no_plan_is_longer_than_the_shortest_that_is_possible(ask: MotionAsk) -> None:
    decision = decide(ask, BUILT_IN)
    shortest = shortest_path(ask)
    event(f"hops: {shortest}")
    if shortest is None:
        assert decision.problem is not None
    else:
        assert decision.problem is None, decision.problem
        assert len(decision.plan.hops) <= (2 if detours(ask) else shortest)
        if detours(ask) and decision.strategy not in BY_THEMSELVES:
            assert decision.strategy == "via-cache"


def shortest_path(ask: MotionAsk) -> int | None:
    """Hops of the shortest way through every agent and cache; None where there is none."""
    if any(carries(agent, ask.request) for agent in ask.agents) or by_itself(ask):
        return 1
    return 2 if ask.cache_use is not CacheUse.NEVER and may_be_staged(ask) else None


def detours(ask: MotionAsk) -> bool:
    """Whether a cache is wanted between the ends though it may not be needed."""
    roles = ask.request.source.role, ask.request.destination.role
    wanted = ask.cache_use is CacheUse.ALWAYS and roles == (StoreRole.IMAGE, StoreRole.PRIMARY)
    return wanted and may_be_staged(ask)


def may_be_staged(ask: MotionAsk) -> bool:
    """Whether a cache lies between the ends, or comes to lie there."""
    request = ask.request
    if request.size is None or request.digest is None or request.source.kind is EndKind.URL:
        return False  # a cache keeps registered objects only
    for filler, reader in product(ask.agents, ask.agents):
        if any(staged(request, filler, one.scope, reader) for one in ask.caches if usable(one)):
            return True
        nfs = "nfs" in filler.abilities.writes and "nfs" in reader.abilities.reads
        able = [one.scope for one in ask.fleets if one.maximum and not one.removing]
        if nfs and any(staged(request, filler, scope, reader) for scope in able):
            return True
    return False


def usable(store: StoreView) -> bool:
    return store.state in (StoreState.UP, StoreState.DEGRADED)


def carries(agent: AgentView, request: CopyRequested) -> bool:
    source, destination = request.source, request.destination
    converted = source.format == destination.format or set(FORMATS) <= set(agent.abilities.convert)
    return reads(agent, source) and writes(agent, destination) and converted


def staged(request: CopyRequested, filler: AgentView, scope: Scope, reader: AgentView) -> bool:
    source, destination = request.source, request.destination
    converted = source.format == destination.format or set(FORMATS) <= set(reader.abilities.convert)
    near = within(filler, scope) and within(reader, scope)
    return near and reads(filler, source) and writes(reader, destination) and converted


def by_itself(ask: MotionAsk) -> bool:
    """By a hypervisor between its pools, or by a server between its stores."""
    source, destination = ask.request.source, ask.request.destination
    if source.format != destination.format:
        return False
    if source.role is destination.role is StoreRole.PRIMARY:
        hypervisors = {source.hypervisor, destination.hypervisor}
        return any(
            agent.abilities.moves
            and hypervisors == {agent.abilities.hypervisor}
            and within(agent, source.scope)
            and within(agent, destination.scope)
            for agent in ask.agents
        )
    images = source.role is destination.role is StoreRole.IMAGE and source.kind is EndKind.STORE
    known = ask.request.size is not None and ask.request.digest is not None
    same = bool(source.server) and source.server == destination.server
    return images and known and same and any(reads(agent, destination) for agent in ask.agents)


def reads(agent: AgentView, end: CopyEnd) -> bool:
    if end.kind is EndKind.URL:
        return agent.abilities.fetch and bool(set(agent.abilities.reads) & set(end.schemes))
    return within(agent, end.scope) and opens(agent, agent.abilities.reads, end)


def writes(agent: AgentView, end: CopyEnd) -> bool:
    right = end.hypervisor in (None, agent.abilities.hypervisor)
    return right and within(agent, end.scope) and opens(agent, agent.abilities.writes, end)


def opens(agent: AgentView, schemes: tuple[str, ...], end: CopyEnd) -> bool:
    common = set(schemes) & set(end.schemes)
    seen = any(end.root.startswith(f"{root}/") for root in agent.abilities.roots)
    return bool(common - {"file"}) or ("file" in common and seen)


def within(agent: AgentView, scope: Scope) -> bool:
    if scope.type is ScopeType.REGION:
        return True
    at = {
        ScopeType.ZONE: agent.location.zone_id,
        ScopeType.CLUSTER: agent.location.cluster_id,
        ScopeType.HOST: agent.host_id,
    }
    return at[scope.type] == scope.id
