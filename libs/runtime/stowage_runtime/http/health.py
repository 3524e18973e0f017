"""/healthz, /readyz, /metrics: the same on every service."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from stowage_contracts.errors import Problem
from stowage_contracts.values import Value

from stowage_runtime.http import Call, Reply, Route
from stowage_runtime.http.problems import problem_of
from stowage_runtime.service import Desk
from stowage_runtime.telemetry import metrics


@dataclass(frozen=True)
class Check:
    """One thing a service depends on; ``probe`` raises when it is missing."""

    name: str
    probe: Callable[[], Awaitable[None]]
    needed: bool = True
    """Whether the service is unready without it."""


class CheckResult(Value):
    """How one check ended."""

    name: str
    ok: bool
    needed: bool = True
    problem: Problem | None = None


class Readiness(Value):
    """Whether work is welcome, and every check behind that."""

    ready: bool
    checks: tuple[CheckResult, ...]


class Liveness(Value):
    """Whether every loop of the process runs."""

    alive: bool
    stopped: tuple[str, ...] = ()


async def run_checks(checks: Sequence[Check], seconds: float = 5) -> Readiness:
    """Run all at once, each for at most ``seconds``."""
    results = await asyncio.gather(*(_result(check, seconds) for check in checks))
    return Readiness(
        ready=all(result.ok or not result.needed for result in results), checks=tuple(results)
    )


def health_routes(
    checks: Callable[[], Sequence[Check]], stopped: Callable[[], Sequence[str]]
) -> tuple[Route[Any], ...]:
    """``stopped`` names the loops that should run and do not."""

    async def healthz(_call: Call, _desk: Desk, _deps: Any) -> Reply:
        dead = tuple(stopped())
        return Reply(Liveness(alive=not dead, stopped=dead), status=503 if dead else 200)

    async def readyz(_call: Call, _desk: Desk, _deps: Any) -> Reply:
        found = await run_checks(checks())
        return Reply(found, status=200 if found.ready else 503)

    async def exposition(_call: Call, _desk: Desk, _deps: Any) -> Reply:
        return Reply(metrics.exposition(), media=metrics.CONTENT_TYPE)

    tags = ("health",)
    return (
        Route("GET", "/healthz", healthz, "Is it alive?", reply=Liveness, auth=False, tags=tags),
        Route("GET", "/readyz", readyz, "Is it ready?", reply=Readiness, auth=False, tags=tags),
        Route(
            "GET",
            "/metrics",
            exposition,
            "Prometheus metrics",
            auth=False,
            tags=tags,
            media="text/plain",
        ),
    )


async def _result(check: Check, seconds: float) -> CheckResult:
    try:
        async with asyncio.timeout(seconds):
            await check.probe()
    except Exception as error:
        problem = problem_of(error)
        return CheckResult(name=check.name, ok=False, needed=check.needed, problem=problem)
    return CheckResult(name=check.name, ok=True, needed=check.needed)
