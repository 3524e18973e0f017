"""What tests of services are given: a bench that runs one service on a real database."""

from stowage_runtime.testing.bench import ServiceBench
from stowage_runtime.testing.bench_bus import BenchBus

__all__ = ["BenchBus", "ServiceBench"]
