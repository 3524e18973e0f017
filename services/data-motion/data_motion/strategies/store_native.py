"""The store-native strategy: the store makes the destination itself, and no byte travels."""

from stowage_contracts.plugins.data_motion_strategy import (
    AgentView,
    Answer,
    HopLeg,
    MotionAsk,
    MotionPlan,
    Priority,
)
from stowage_contracts.values import CopyEnd, EndKind, HopMethod, ServiceName

from data_motion.model.reach import lacks_to_do, lacks_to_read, who
from data_motion.strategies.ends import is_install, no, only_host

_HOW = {
    HopMethod.CLONE: "shares its blocks with the pool's copy",
    HopMethod.BACKING: "makes it an overlay of the pool's copy",
}


class StoreNativeStrategy:
    """A clone or overlay on one pool, or a copy between stores of one server."""

    name = "store-native"

    def can_handle(self, ask: MotionAsk) -> Answer:
        """Able on one pool as its install strategy chose, or where both stores are of one
        server."""
        return _on_pool(ask) if is_install(ask.request) else _on_server(ask)

    def plan(self, ask: MotionAsk) -> MotionPlan:
        """One hop: on the pool's host, or by the store itself."""
        method = ask.request.method
        if method is HopMethod.COPY:
            return MotionPlan(hops=(HopLeg(method=HopMethod.CLONE),))
        return MotionPlan(hops=(HopLeg(method=method, must_run_on=only_host(ask)),))


def _on_pool(ask: MotionAsk) -> Answer:
    request = ask.request
    source, destination = request.source, request.destination
    if source.store_id is None or source.store_id != destination.store_id:
        return no("a base and what is made of it must be on one pool")
    able = [agent for agent in ask.agents if not lacks_to_do(request.method, agent, *_ends(ask))]
    if not able:
        return no("no agent sees the pool", f"the agent that sees {destination.store_id}")
    first = min(able, key=lambda agent: agent.host_id)
    return Answer(priority=Priority.HYPERVISOR, reason=f"{who(first)} {_HOW[request.method]}")


def _on_server(ask: MotionAsk) -> Answer:
    source, destination = _ends(ask)
    if why := _strangers(source, destination):
        return no(why)
    if source.format is not destination.format:
        return no("a store copies an object as it is, without a change of its format")
    if ask.request.size is None or ask.request.digest is None:
        return no("what a store made can only be verified when size and digest are known")
    reader = _reader(ask)
    if reader is None:
        return no(
            "no agent could read back what the store makes",
            f"an agent that reads {'/'.join(destination.schemes)} from {destination.store_id}",
        )
    return Answer(
        priority=Priority.HYPERVISOR,
        reason=f"{source.store_id} and {destination.store_id} are of one server, which copies by "
        f"itself; {who(reader)} can read it back",
    )


def _ends(ask: MotionAsk) -> tuple[CopyEnd, CopyEnd]:
    return ask.request.source, ask.request.destination


def _strangers(source: CopyEnd, destination: CopyEnd) -> str:
    if source.kind is EndKind.URL:
        return "the source is a URL, no store"
    if destination.store_id is None:
        return "its destination is yet to be chosen"
    owners = {source.grant.owner, destination.grant.owner}
    if owners != {ServiceName.IMAGE_STORE}:
        return "only image stores copy from each other by themselves"
    lacking = [end.store_id for end in (source, destination) if not end.server]
    if lacking:
        return f"{' and '.join(map(str, lacking))} can copy from no other store"
    if source.server != destination.server:
        return f"{source.store_id} and {destination.store_id} are of different servers or accounts"
    return ""


def _reader(ask: MotionAsk) -> AgentView | None:
    able = [agent for agent in ask.agents if not lacks_to_read(agent, ask.request.destination)]
    return min(able, key=lambda agent: agent.host_id, default=None)
