"""The production strategy and controller, deciding for a made-up cloud."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from stowage_contracts.caching import CacheFleet, FleetStep, VmState
from stowage_contracts.hosts import MachineAbilities
from stowage_contracts.plugins.autoscale_strategy import (
    AutoscaleAsk,
    AutoscaleLimits,
    AutoscaleStrategy,
    Usual,
)
from stowage_contracts.views import CacheLoad, DesiredCount

from cache_autoscaler.model.fleets import (
    Action,
    Destroy,
    Drain,
    Fleet,
    Halt,
    Member,
    Spawn,
    Standing,
    Undrain,
    spawn_failed,
    spawn_succeeded,
    step,
)
from cache_autoscaler.model.rooms import Host
from cache_autoscaler.simulation.cloud import Cloud
from cache_autoscaler.simulation.day import Day, Figures
from cache_autoscaler.simulation.machine import Machine
from cache_autoscaler.simulation.tally import Tally

LEARNS = 0.5
"""Weight of the newest spawn in what spawns are taken to need."""
FADES = 0.999
"""A rate shown once is believed less with each look."""


@dataclass(frozen=True)
class Plan:
    """A fleet, who decides for it, and what is known before the day begins."""

    fleet: CacheFleet
    strategy: AutoscaleStrategy
    begin: datetime
    """When the day begins, by the clock."""
    usual: tuple[Usual, ...] = ()
    high_water: float = 0.8
    low_water: float = 0.3
    shown: float = 100e6
    """Bytes per second a member is taken to manage until it has shown more."""
    spawn_seconds: float = 60.0
    """The same for spawning."""
    spawn_limit_seconds: float = 390.0
    """A member not offered by then has failed."""
    hosts: int = 4
    every: float = 5.0


class Controller:
    """Looks, asks the strategy, and does what the step says: as the service does."""

    def __init__(self, plan: Plan) -> None:
        self.every = plan.every
        self.rest = 60.0 if plan.usual else float("inf")
        self._plan = plan
        self._fleet = Fleet(limits=plan.fleet)
        self._limits = AutoscaleLimits(minimum=plan.fleet.minimum, maximum=plan.fleet.maximum)
        self._rate = plan.shown
        self._spawn_seconds = plan.spawn_seconds
        self._known: set[str] = set()
        slots = -(-plan.fleet.maximum // max(1, plan.hosts)) + 1
        self._hosts = {
            f"h{n}": Host(id=f"h{n}", machines=MachineAbilities(kind="fake", slots=slots))
            for n in range(plan.hosts)
        }
        self._told = (-1, -1)

    def look(self, cloud: Cloud, figures: Figures) -> None:
        """One turn of the service's timer."""
        self._learn(cloud, figures)
        now = self._plan.begin + timedelta(seconds=cloud.now)
        desired = self._plan.strategy.desired(self._ask(cloud, figures, now))
        members = [self._member(machine) for machine in cloud.machines.values()]
        standing = Standing(members=members, hosts=self._standing_hosts(cloud))
        turned = step(self._fleet, standing, desired, now)
        self._fleet = turned.fleet
        for action in turned.actions:
            self._do(action, cloud, now)
        self._note(cloud, desired, turned.doing)

    def _learn(self, cloud: Cloud, figures: Figures) -> None:
        """What members have shown, and how long the newest ones took."""
        serving = [m for m in cloud.machines.values() if m.state is VmState.OFFERED]
        mean = figures.rate / len(serving) if serving else 0.0
        self._rate = max(self._plan.shown, self._rate * FADES, mean)
        for machine in serving:
            if machine.id not in self._known and machine.offered is not None:
                self._known.add(machine.id)
                took = machine.offered - machine.ordered
                self._spawn_seconds += LEARNS * (took - self._spawn_seconds)
                self._fleet = spawn_succeeded(self._fleet)

    def _ask(self, cloud: Cloud, figures: Figures, now: datetime) -> AutoscaleAsk:
        serving = sum(m.state is VmState.OFFERED for m in cloud.machines.values())
        coming = sum(m.state is VmState.ORDERED and not m.doomed for m in cloud.machines.values())
        # the figures are our own: checking them again would be most of a day's time
        load = CacheLoad.model_construct(
            store_id="any",
            bytes_per_second=figures.rate / max(1, serving),
            shown_bytes_per_second=self._rate,
            streams=figures.streams // max(1, serving),
            backlog_bytes=0,
        )
        return AutoscaleAsk.model_construct(
            loads=(load,) * serving,
            current=serving + coming - min(self._plan.fleet.spare, serving),
            limits=self._limits,
            high_water=self._plan.high_water,
            low_water=self._plan.low_water,
            backlog_bytes=int(figures.waiting_bytes),
            backlog_copies=figures.waiting,
            deadline_seconds=self._plan.fleet.deadline_seconds,
            member_bytes_per_second=self._rate,
            spawn_seconds=self._spawn_seconds,
            now=now,
            usual=self._plan.usual,
        )

    def _member(self, machine: Machine) -> Member:
        ordered = self._at(machine.ordered)
        limit = machine.ordered + self._plan.spawn_limit_seconds
        return Member(
            id=machine.id,
            host_id=machine.host_id,
            state=machine.state,
            ordered=ordered,
            offered=None if machine.offered is None else self._at(machine.offered),
            deadline=self._at(limit) if machine.offered is None else None,
            doomed=machine.doomed,
            empty=machine.streams == 0,
            bytes_per_second=machine.rate,
        )

    def _at(self, seconds: float) -> datetime:
        return self._plan.begin + timedelta(seconds=seconds)

    def _standing_hosts(self, cloud: Cloud) -> list[Host]:
        counts = dict.fromkeys(self._hosts, 0)
        for machine in cloud.machines.values():
            counts[machine.host_id] += 1
        return [replace(host, vms=counts[name]) for name, host in self._hosts.items()]

    def _do(self, action: Action, cloud: Cloud, now: datetime) -> None:
        match action:
            case Spawn():
                cloud.spawn(action.host_id)
            case Drain():
                cloud.drain(cloud.machines[action.vm_id])
            case Undrain():
                cloud.undrain(cloud.machines[action.vm_id])
            case Destroy():
                machine = cloud.machines[action.vm_id]
                if action.failed:
                    machine.doomed = action.reason
                    self._failed(machine.host_id, now)
                cloud.destroy(machine)
            case Halt():
                pass

    def _failed(self, host_id: str, now: datetime) -> None:
        self._fleet = spawn_failed(self._fleet, now)
        host = self._hosts[host_id]
        self._hosts[host_id] = replace(host, failures=host.failures + 1, failed=now)

    def _note(self, cloud: Cloud, desired: DesiredCount, doing: str) -> None:
        """One line for each change of the number of members."""
        offered = sum(m.state is VmState.OFFERED for m in cloud.machines.values())
        told = (len(cloud.machines), offered)
        if told != self._told:
            self._told = told
            cloud.tally.note(
                FleetStep(
                    seconds=cloud.now,
                    members=told[0],
                    offered=told[1],
                    desired=desired.count,
                    backlog_bytes=int(cloud.waiting_bytes),
                    reason=doing,
                )
            )


def live(day: Day, plan: Plan) -> Tally:
    """One day of a fleet."""
    tally = Tally(plan.fleet.maximum, plan.fleet.cool_down_seconds)
    Cloud(day, Controller(plan), tally).run()
    return tally
