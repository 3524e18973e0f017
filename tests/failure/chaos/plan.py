"""What one run does and suffers, drawn from its seed: the same seed gives the same plan."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random

MIB = 1 << 20
SECONDS = 8.0
"""Within which everything begins."""
SERVICES = ("image-store", "data-motion", "cache-autoscaler", "api-gateway")
STEPS = (
    "RegisterTemplate",
    "CopyRequested",
    "CopyPlanned",
    "ExecuteHop",
    "HopProgressed",
    "HopFinished",
    "CommitHop",
    "HopCommitted",
    "CopyCompleted",
    "CancelHop",
    "InspectObject",
    "ObjectInspected",
    "ReplicaReady",
    "ChangeObject",
    "EvacuateStore",
    "CacheFilled",
)
"""Messages at which a process may be killed."""
AGENT_STEPS = ("redeemed", "opened", "copied", "finished", "judged", "committing", "committed")
"""Between which an agent may die by itself, like kill -9."""
STEERING = ("cancel", "delete", "pause", "slow down", "reroute", "prefer")
"""What is done to an object that is on its way."""
LIES = ("flipped", "short", "changed", "stalling")


@dataclass(frozen=True)
class Kit:
    """What there is to break."""

    agents: tuple[str, ...]
    wires: tuple[str, ...]
    stores: tuple[str, ...]
    pools: tuple[str, ...]
    disks: tuple[str, ...] = ()
    """Small ones, which can be filled."""
    drops: bool = False
    """Whether packets can be dropped on this machine."""


@dataclass(frozen=True)
class Deed:
    """Something a user does; ``name`` is its object's id."""

    at: float
    what: str
    name: str
    to: str = ""
    """A store, a pool, or the name of the deed it undoes."""
    size: int = 4 * MIB
    source: str = "honest"
    rate: int = 4 * MIB
    """Bytes per second its source gives."""

    def __str__(self) -> str:
        where = f" {self.to}" if self.to else ""
        return f"{self.at:5.1f}  {self.what} {self.name}{where} {self.size >> 20} MiB {self.source}"


@dataclass(frozen=True)
class Fault:
    """Something that breaks, and for how long."""

    at: float
    what: str
    target: str
    seconds: float = 0.0
    detail: str = ""

    def __str__(self) -> str:
        detail = f" ({self.detail})" if self.detail else ""
        return f"{self.at:5.1f}  {self.what} {self.target}{detail} for {self.seconds:.1f} s"


@dataclass(frozen=True)
class Plan:
    """One run."""

    seed: int
    deeds: tuple[Deed, ...]
    faults: tuple[Fault, ...]

    def __str__(self) -> str:
        lines = [*map(str, self.deeds), "faults:", *map(str, self.faults)]
        return "\n".join(lines)


def drawn(seed: int, kit: Kit) -> Plan:
    """The plan of a seed on that kit."""
    chance = Random(seed)
    deeds = _deeds(chance, seed, kit)
    faults = [_fault(chance, kit) for _ in range(chance.randint(2, 5))]
    return Plan(seed, tuple(deeds), tuple(sorted(faults, key=lambda fault: fault.at)))


def _deeds(chance: Random, seed: int, kit: Kit) -> list[Deed]:
    made = [_makes(chance, f"s{seed}n{number}", kit) for number in range(chance.randint(3, 6))]
    undone = chance.sample(made, k=min(len(made), chance.randint(0, 3)))
    undoing = [
        Deed(deed.at + chance.uniform(0.2, 4), chance.choice(STEERING), f"{deed.name}u", deed.name)
        for deed in undone
    ]
    draining = [
        Deed(chance.uniform(0, SECONDS / 2), "drain", f"s{seed}d", host)
        for host in chance.sample(kit.agents, k=1)
        if chance.random() < 0.25
    ]
    return sorted([*made, *undoing, *draining], key=lambda deed: deed.at)


def _makes(chance: Random, name: str, kit: Kit) -> Deed:
    what = chance.choice(("register", "register", "register", "volume", "stage", "twins", "move"))
    at, size = chance.uniform(0, SECONDS / 2), chance.choice((1, 4, 8)) * MIB
    if what == "register":
        return _register(chance, Deed(at, what, name, chance.choice(kit.stores), size))
    if what == "volume":
        return Deed(at, what, name, chance.choice(kit.pools))
    return Deed(at, what, name, size=size)


def _register(chance: Random, deed: Deed) -> Deed:
    honest = chance.random() < 0.6
    big = deed.to == "rgw" and chance.random() < 0.5
    return Deed(
        deed.at,
        deed.what,
        deed.name,
        deed.to,
        40 * MIB if big else deed.size,
        "honest" if honest else chance.choice(LIES),
        chance.choice((2, 4, 16)) * (4 if big else 1) * MIB,
    )


Draw = Callable[[Random, Kit, float], Fault]


def _fault(chance: Random, kit: Kit) -> Fault:
    draws = _draws(kit)
    return chance.choice(draws)(chance, kit, chance.uniform(0.2, SECONDS))


def _draws(kit: Kit) -> Sequence[Draw]:
    always = (_kill, _kill, _kill_at, _kill_at, _kill_at, _doom, _freeze, _freeze, _cut, _slow)
    rarer = (_broker, _database, _repeat, _repeat, _hold, _hold, _clock)
    return (*always, *rarer, *((_fill,) if kit.disks else ()))


def _any(chance: Random, kit: Kit) -> str:
    return chance.choice((*SERVICES, *kit.agents, *kit.agents))


def _kill(chance: Random, kit: Kit, at: float) -> Fault:
    return Fault(at, "kill", _any(chance, kit), chance.uniform(0, 3))


def _kill_at(chance: Random, kit: Kit, at: float) -> Fault:
    step, target = chance.choice(STEPS), _any(chance, kit)
    return Fault(at / 2, "kill at", target, chance.uniform(0, 2), step)


def _doom(chance: Random, kit: Kit, at: float) -> Fault:
    return Fault(at, "doom", chance.choice(kit.agents), 4.0, chance.choice(AGENT_STEPS))


def _freeze(chance: Random, kit: Kit, at: float) -> Fault:
    """An agent is away for longer than its lease: it wakes up and believes it still has it."""
    target = _any(chance, kit)
    return Fault(at, "freeze", target, chance.uniform(7, 10) if ":" in target else 3.0)


def _cut(chance: Random, kit: Kit, at: float) -> Fault:
    how = chance.choice(("reset", "stall", *(("drop", "drop") if kit.drops else ())))
    return Fault(at, "cut", chance.choice(kit.wires), chance.uniform(1, 9), how)


def _slow(chance: Random, kit: Kit, at: float) -> Fault:
    delay = chance.choice(("0.02", "0.1", "0.3"))
    return Fault(at, "slow", chance.choice(kit.wires), chance.uniform(2, 6), delay)


def _broker(chance: Random, kit: Kit, at: float) -> Fault:
    return Fault(at, "broker", chance.choice(("kill", "stop")), chance.uniform(0, 3))


def _database(chance: Random, kit: Kit, at: float) -> Fault:
    return Fault(at, "database", chance.choice(("kill", "stop")), chance.uniform(0, 3))


def _repeat(chance: Random, kit: Kit, at: float) -> Fault:
    return Fault(at, "repeat", "messages", chance.uniform(0.5, 2), str(chance.randint(5, 60)))


def _hold(chance: Random, kit: Kit, at: float) -> Fault:
    """What arrives meanwhile comes late, in another order, and some of it twice."""
    return Fault(at, "hold", chance.choice(SERVICES), chance.uniform(1, 4))


def _clock(chance: Random, kit: Kit, at: float) -> Fault:
    shift = chance.choice((-3600, -30, 15, 40))
    return Fault(at, "clock", chance.choice(SERVICES), chance.uniform(1, 4), str(shift))


def _fill(chance: Random, kit: Kit, at: float) -> Fault:
    return Fault(at, "fill", chance.choice(kit.disks), chance.uniform(2, 6))
