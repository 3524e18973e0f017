"""Builds an agent from settings, identity and a bus; standalone builds its own the same way."""

from collections.abc import Callable
from dataclasses import replace

from stowage_contracts.messages.hypervisor_agent import ExecuteHop
from stowage_contracts.plugins import Hypervisor
from stowage_contracts.plugins.hypervisor import HypervisorSettings
from stowage_contracts.plugins.transport import TransportSettings
from stowage_contracts.values import Receipt
from stowage_runtime import plugins
from stowage_runtime.bus import Bus
from stowage_runtime.orders import OrderDoor
from stowage_runtime.signing import Verifier

from hypervisor_agent.agent import Agent
from hypervisor_agent.chores import Chores
from hypervisor_agent.deps import Deps
from hypervisor_agent.engine.buffers import Buffers
from hypervisor_agent.engine.hop import Hop
from hypervisor_agent.engine.terms import Tools
from hypervisor_agent.engine.threads import Threads
from hypervisor_agent.faults import Faults, FaultSteps
from hypervisor_agent.feeding.keeping import BusLeaves
from hypervisor_agent.feeding.wire import Wire
from hypervisor_agent.grants import BusGrants
from hypervisor_agent.hops import Hops, Move, Running
from hypervisor_agent.identity import Identity
from hypervisor_agent.judge import GateJudge
from hypervisor_agent.line import Line
from hypervisor_agent.links.wiring import make_door
from hypervisor_agent.load import LoadMeter
from hypervisor_agent.machines.making import make_keeper
from hypervisor_agent.pools import Pools
from hypervisor_agent.settings import Settings
from hypervisor_agent.spaces import NotedGrants

HASHERS = 4


def build(settings: Settings, identity: Identity, bus: Bus) -> Agent:
    """The agent, not yet started. Raises NotFound for an unknown plug-in."""
    line, load = Line(bus, identity.host_id), LoadMeter()
    hypervisor = make_hypervisor(settings)
    pools = Pools.of(settings.agent_pools)
    judge = GateJudge(settings.agent_max_virtual_size, frozenset(settings.agent_gate_allow))
    tools = replace(_tools(settings, hypervisor, judge), shelf=_shelf(line))
    deps = Deps(
        line=line,
        door=OrderDoor(Verifier(identity.ticket_verify_key), identity.host_id),
        hypervisor=hypervisor,
        pools=pools,
        tools=tools,
        judge=judge,
        chores=Chores(),
        readings=Chores(parallel=1),
        load=load,
        vms=make_keeper(settings, line),
        hops=Hops(settings.agent_slots, line, _mover(line, pools, tools, load)),
    )
    door = make_door(settings, identity, deps) if settings.agent_door_listen else None
    return Agent(identity, deps, settings.agent_heartbeat_seconds, door)


def make_hypervisor(settings: Settings) -> Hypervisor:
    """The configured plug-in. Raises NotFound."""
    kind = plugins.load("stowage.hypervisor").pick(settings.agent_hypervisor)
    made: Hypervisor = kind(
        HypervisorSettings(
            pools=settings.agent_pools,
            roots=settings.agent_roots,
            slots=settings.agent_slots,
            fetch=settings.agent_fetch,
            options=settings.agent_options,
        )
    )
    return made


def _tools(settings: Settings, hypervisor: Hypervisor, judge: GateJudge) -> Tools:
    roots = (*settings.agent_roots, *(pool.root for pool in settings.agent_pools if pool.root))
    transport = TransportSettings(roots=roots, connections=settings.agent_connections)
    faults: Faults = getattr(hypervisor, "faults", Faults())
    return Tools(
        transports=plugins.load("stowage.transport", lambda kind: kind(transport)),
        buffers=Buffers(settings.agent_buffer_bytes),
        threads=Threads(HASHERS, "hash"),
        hypervisor=hypervisor,
        judge=judge,
        roots=roots,
        step=FaultSteps(faults),
        connections=settings.agent_connections,
        spool=settings.agent_spool_dir,
        wire=Wire.of(settings.agent_peer_ca, plaintext=settings.plaintext),
    )


def _shelf(line: Line) -> Callable[[ExecuteHop], BusLeaves]:
    return lambda order: BusLeaves(order.hop_id, order.ticket, line)


def _mover(line: Line, pools: Pools, tools: Tools, load: LoadMeter) -> Move:
    async def move(running: Running) -> Receipt:
        order, meter = running.order, running.meter
        ends = (order.source, order.destination)
        grants = NotedGrants(BusGrants(order, line, pools), ends, load.spaces)
        hop = Hop(order, grants, tools, meter)
        running.done = lambda: hop.loop.done if hop.loop else ()
        running.abandon = hop.abandon
        with load.moving(ends, meter):
            return await hop.run()

    return move
