"""What every bus must do; a bus's test file only gives the fixtures."""

from stowage_runtime.testing.bus_durable import DurableSuite
from stowage_runtime.testing.bus_failures import FailureSuite
from stowage_runtime.testing.bus_lanes import LanesSuite


class BusSuite(DurableSuite, FailureSuite, LanesSuite):
    """Subclasses give ``make`` (a connected bus with LIMITS) and ``admit`` (an agent's queue)."""
