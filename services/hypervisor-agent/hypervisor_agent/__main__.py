"""stowage-hypervisor-agent: run | check | join."""

import argparse
import asyncio
import os
import signal
import sys
from pathlib import Path
from typing import Any

from stowage_contracts.errors import StowageError, Unavailable
from stowage_contracts.topology import Topology
from stowage_runtime.bus.rabbit import RabbitBus
from stowage_runtime.command import told
from stowage_runtime.crossing import check_crossing, server_tls
from stowage_runtime.http.health import Check, health_routes, run_checks
from stowage_runtime.http.server import HttpServer, Surface
from stowage_runtime.telemetry import flush_tracing, start_tracing
from stowage_runtime.telemetry.logs import name_service, start_logs
from stowage_runtime.telemetry.metrics import start_metrics

from hypervisor_agent.agent import Agent
from hypervisor_agent.identity import Identity, enrol, keep, kept, no_identity
from hypervisor_agent.machines.making import check_machines
from hypervisor_agent.settings import Settings
from hypervisor_agent.wiring import build, make_hypervisor

NAME = "hypervisor-agent"


async def join(settings: Settings) -> int:
    """Enrol and keep the identity; an agent that has one keeps it."""
    await _identity(settings)
    return 0


async def check(settings: Settings) -> int:
    """Print every dependency's state; 1 when one is missing. Uses no join token."""
    identity = kept(Path(settings.agent_state_dir))
    if identity is None:
        raise no_identity()
    bus = _bus(settings, identity)

    async def broker() -> None:
        await bus.ready()

    async def hypervisor() -> None:
        await make_hypervisor(settings).abilities()

    async def pools() -> None:
        seen = {pool.id for pool in await make_hypervisor(settings).pools()}
        if missing := [pool.name for pool in settings.agent_pools if pool.id not in seen]:
            raise Unavailable(f"no answer from {', '.join(missing)}", code="pool")

    async def machines() -> None:
        await check_machines(settings)

    checks = [Check("broker", broker), Check("hypervisor", hypervisor), Check("pools", pools)]
    found = await run_checks([*checks, Check("machines", machines)], 10)
    await bus.close()
    for row in found.checks:
        problem = row.problem
        text = "ok" if problem is None else f"{problem.code}: {problem.cause} ({problem.hint})"
        sys.stdout.write(f"{row.name}: {text}\n")
    return 0 if found.ready else 1


async def run(settings: Settings) -> int:
    """Serve until SIGTERM or SIGINT; 1 when a loop died."""
    start_tracing(NAME, settings.otlp_endpoint)
    start_metrics()
    identity = await _identity(settings)
    bus = _bus(settings, identity).start()
    agent = build(settings, identity, bus)
    http = HttpServer(_surface(agent, settings), settings.http_host, settings.http_port)
    await http.start()
    await agent.start()
    died = await _until_stopped(agent)
    await agent.stop(settings.stop_seconds)
    await http.stop()
    await bus.close()
    await asyncio.to_thread(flush_tracing, 3)
    return 1 if died else 0


def _bus(settings: Settings, identity: Identity) -> RabbitBus:
    url = identity.amqp_url.get_secret_value()
    check_crossing(url, "STOWAGE_AGENT_AMQP_URL of the gateway", plaintext=settings.plaintext)
    return RabbitBus(url, Topology(identity.bus_prefix))


async def _until_stopped(agent: Agent) -> bool:
    """Whether a loop died before anybody asked the agent to stop."""
    asked = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, asked.set)
    while not asked.is_set() and not agent.ended:
        try:
            async with asyncio.timeout(1):
                await asked.wait()
        except TimeoutError:
            continue
    return bool(agent.ended)


async def _identity(settings: Settings) -> Identity:
    folder = Path(settings.agent_state_dir)
    found = kept(folder)
    if found is None:
        found = await enrol(settings)
        keep(folder, found)
    return found


def _surface(agent: Agent, settings: Settings) -> Surface[Any]:
    async def broker() -> None:
        if not agent.bus.connected:
            raise Unavailable("not connected", resource="broker", code="broker")

    routes = health_routes(lambda: [Check("broker", broker)], lambda: agent.ended)
    tls = server_tls(settings.http_cert, settings.http_key)
    return Surface(NAME, routes, _no_desk, None, tls=tls)


def _no_desk() -> Any:
    """Health routes ask nothing of it."""
    return None


def main() -> None:
    """Parse, do, exit: 0 done, 1 failed with a reason on stderr, 2 wrong usage."""
    parser = argparse.ArgumentParser(prog="stowage-hypervisor-agent", description=__doc__)
    verbs = {"run": run, "check": check, "join": join}
    parser.add_argument("verb", choices=verbs, help="what to do")
    asked = parser.parse_args()
    try:
        settings = Settings.read()
        start_logs(settings)
        name_service(NAME)
        status = asyncio.run(verbs[asked.verb](settings))
    except StowageError as error:
        sys.stderr.write(told(error) + "\n")
        status = 1
    sys.stdout.flush()
    sys.stderr.flush()
    # A thread stuck in a dead mount must not keep the process.
    os._exit(status)


if __name__ == "__main__":
    main()
