"""One seed: a stormy world that has to come to rest, with nothing wrong in it."""

import traceback
from dataclasses import dataclass

from tests.simulator.aftermath import Aftermath
from tests.simulator.ids import seeded
from tests.simulator.tables.rows import Violation
from tests.simulator.watch import Watch
from tests.simulator.weather import STORMY, Weather
from tests.simulator.workload import Workload
from tests.simulator.world import World

PATIENCE = 3600.0
"""Virtual seconds in which everything must have ended once nothing goes wrong any more."""

SETTLED = 5.0
"""…and in which a host that comes back has put its house in order."""


@dataclass(frozen=True)
class Outcome:
    """What became of a seed."""

    seed: int
    troubles: tuple[str, ...]
    log: tuple[str, ...]
    ends: tuple[str, ...]
    seconds: float
    """Virtual time it took."""

    def __str__(self) -> str:
        told = "\n".join(f"  ✗ {trouble}" for trouble in self.troubles)
        return "\n".join((*self.log, f"seed {self.seed} is wrong:", told))


def simulate(seed: int) -> Outcome:
    """Run a seed; the same seed always gives the same outcome."""
    with seeded(seed):
        world = World(seed)
        return Run(world).run()


class Run:
    """One world from its first second to its last."""

    def __init__(self, world: World) -> None:
        self.world, self.workload = world, Workload(world)
        self.weather, self.watch = Weather(world), Watch(world)

    def run(self) -> Outcome:
        """Everything, and what was wrong."""
        troubles: list[str] = []
        try:
            self._live()
            troubles = Aftermath(self.world, self.workload, self.watch).check()
        except Exception as error:  # whatever broke is what was looked for
            told = traceback.extract_tb(error.__traceback__)[-3:]
            where = " < ".join(f"{f.filename.rpartition('/')[2]}:{f.lineno}" for f in told[::-1])
            troubles = [f"{type(error).__name__}: {error} ({where})"]
        kernel = self.world.kernel
        kernel.end()
        ends = tuple(sorted(self.watch.ends.values()))
        return Outcome(self.world.seed, tuple(troubles), tuple(kernel.log), ends, kernel.now)

    def _live(self) -> None:
        kernel = self.world.kernel
        self.watch.begin()
        self.workload.prepare()
        self.weather.begin()
        kernel.run(2)
        for _ in range(kernel.random.randrange(4, 20)):
            kernel.at(kernel.random.random() * STORMY * 0.6, self.workload.act)
        kernel.run(STORMY)
        self.weather.clear()
        self.workload.settle()
        kernel.run(kernel.now + PATIENCE, lambda: self.world.quiet)
        for copy in self.world.motion.unfinished():
            raise Violation(f"copy {copy.id} is {copy.state} for ever: {copy.waiting_for!r}")
        self.weather.revive()
        kernel.run(kernel.now + SETTLED)
        kernel.run(kernel.now + PATIENCE, lambda: self.world.quiet)
        refs = self.world.images.refs.values()
        for store in self.world.stores.values():
            store.scan({ref["install_path"] for ref in refs if ref["state"] == "Creating"})
