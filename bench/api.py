"""python -m bench.api: the gateway's front door: signed lists, registrations, event streams."""

from __future__ import annotations

import argparse
import asyncio
import base64
import hashlib
import hmac
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlencode

from yarl import URL

from bench.control.ceilings import Pace, broker_ceilings
from bench.control.cloud import backing
from bench.control.processes import Cost, cost
from bench.gateway.events import foreign_events, foreign_exchange, owners_events, sinks
from bench.gateway.rows import fill
from bench.gateway.streams import audience
from bench.gateway.wrk import Load, asked
from bench.report import Row, machine, milliseconds, show, write
from tests.e2e.deployment import API_KEY, Backing, Deployment
from tests.e2e.operator import ZONE, Operator
from tests.integration.mirror.cloudstack import API_KEY as FOREIGN_KEY
from tests.integration.mirror.cloudstack import SECRET_KEY, CloudStack
from tests.integration.mirror.cloudstack import serving as cloud_serving
from tests.servers.proxy import Proxy

SECRET = "unused"
NOWHERE = "http://127.0.0.1:9/disk.raw"
EVENTS, PAGES = 5, (10, 50)


@dataclass(frozen=True)
class Plan:
    """How much is measured."""

    templates: Sequence[int]
    load: Load
    seconds: float
    listeners: int
    events: int


FULL = Plan((10, 1000, 1_000_000), Load(16, 6), 6, 1000, 2000)
QUICK = Plan((10, 1000), Load(8, 3), 3, 50, 500)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, show, and write what --json names."""
    parser = argparse.ArgumentParser("python -m bench.api", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="less of everything: under a minute")
    parser.add_argument("--json", type=Path, metavar="FILE", help="where the results go")
    parser.add_argument("--note", default="", help="kept with the machine's facts")
    told = parser.parse_args(arguments)
    asyncio.run(measure(QUICK if told.quick else FULL, told.json, told.note))


async def measure(plan: Plan, path: Path | None, note: str) -> None:
    """The broker's ceiling, then one gateway on the same servers."""
    rows: list[Row] = []
    async with backing() as where:
        facts = machine(note=note)
        try:
            async for row in _measured(where, plan):
                rows.append(row)
                show(row)
        finally:
            write(path, facts, rows)


async def _measured(where: Backing, plan: Plan) -> AsyncIterator[Row]:
    for row in await broker_ceilings(where, plan.seconds / 2):
        yield row
    async with gateway(where) as operator:
        async for row in _cases(operator, where, plan):
            yield row


@asynccontextmanager
async def gateway(where: Backing) -> AsyncIterator[Operator]:
    """One gateway process, and image-store for what has an owner; a zone, no agent."""
    with tempfile.TemporaryDirectory(prefix="stowage-bench-") as folder:
        async with cloud_serving(CloudStack()) as cloud:
            deployment = Deployment(Path(folder), where, _settings(where, cloud.url))
            async with _running(deployment) as operator:
                yield operator


@asynccontextmanager
async def _running(deployment: Deployment) -> AsyncIterator[Operator]:
    await deployment.prepare()
    try:
        await deployment.start("image-store", "api-gateway")
        async with Operator.of(deployment) as operator:
            await operator.places()
            await operator.directory_store()
            yield operator
    finally:
        await deployment.stop_all()


def _settings(where: Backing, cloud: str) -> dict[str, str]:
    """A CloudStack is followed, sinks may be here, and nobody is told to wait."""
    return {
        "STOWAGE_MIRROR_AMQP_URL": where.amqp_url,
        "STOWAGE_MIRROR_EXCHANGE": foreign_exchange(where),
        "STOWAGE_MIRROR_API_URL": cloud,
        "STOWAGE_MIRROR_API_KEY": FOREIGN_KEY,
        "STOWAGE_MIRROR_SECRET_KEY": SECRET_KEY,
        "STOWAGE_SINK_ALLOW": "127.0.0.0/8",
    }


async def _cases(operator: Operator, where: Backing, plan: Plan) -> AsyncIterator[Row]:
    pages = {size: signed(operator.deployment.url, _page(size)) for size in PAGES}
    url, had = pages[PAGES[-1]], 1
    template_id = (await operator.register(NOWHERE))["id"]
    for wanted in plan.templates:
        await fill(where, template_id, had, wanted)
        had = wanted
        for size, asked_url in pages.items():
            if size <= wanted:
                case = f"signed listTemplates, {size} of {wanted:,}"
                yield await _listed(operator, case, asked_url, plan.load)
    yield await _registered(operator, plan)
    yield await _streamed(operator, plan)
    async for row in _moved(operator, where, plan.events):
        yield row
    async for row in _cut(operator, where, plan, url):
        yield row


def _page(size: int) -> dict[str, str]:
    return {"templatefilter": "self", "page": "1", "pagesize": str(size)}


async def _listed(operator: Operator, case: str, url: str, load: Load) -> Row:
    before, began = _cost(operator), time.monotonic()
    figures = await asyncio.to_thread(asked, url, load)
    spent, took = _cost(operator).since(before), time.monotonic() - began
    if figures["refused"]:
        raise AssertionError(f"{case}: {figures['refused']} answers were refusals")
    return Row(case, "stowage", took, spent.cpu, spent.peak_mib, figures)


async def _registered(operator: Operator, plan: Plan) -> Row:
    """Accepted, not fetched: their source answers nobody."""
    pace, began = Pace(plan.seconds), time.monotonic()
    before = _cost(operator)

    async def register(_worker: int) -> None:
        await operator.register(NOWHERE)

    await pace.run(plan.load.connections, register)
    spent, took = _cost(operator).since(before), time.monotonic() - began
    figures = {"per_second": pace.count / took, **milliseconds(pace.latencies)}
    return Row("templates registered", "stowage", took, spent.cpu, spent.peak_mib, figures)


async def _streamed(operator: Operator, plan: Plan) -> Row:
    processes = {"api-gateway": operator.deployment.processes["api-gateway"]}
    before, began, late = cost(processes), time.monotonic(), list[float]()
    async with audience(operator.deployment.url, plan.listeners) as heard:
        for number in range(EVENTS):
            pod_id, asked_at = f"pod-{number}", time.monotonic()
            await operator.call("POST", "pods", {"id": pod_id, "name": pod_id, "zone_id": ZONE})
            moments = await heard.all_heard(pod_id, plan.listeners, 60)
            late += [moment - asked_at for moment in moments]
    spent, took = _cost(operator).since(before), time.monotonic() - began
    case = f"an event to {plan.listeners:,} streams"
    figures = {"deliveries": len(late), **milliseconds(late)}
    return Row(case, "stowage", took, spent.cpu, spent.peak_mib, figures)


async def _moved(operator: Operator, where: Backing, count: int) -> AsyncIterator[Row]:
    """Events in from a CloudStack, and an owner's through the read models to two sinks."""
    before = _cost(operator)
    took = await foreign_events(operator, where, count)
    yield _paced("CloudStack's events taken", took, count, operator, before)
    async with sinks(operator, where) as ends:
        before = _cost(operator)
        ended = await owners_events(operator, where, count, ends)
    for name, took in ended.items():
        yield _paced(f"owners' events: {name}", took, count, operator, before)


async def _cut(operator: Operator, where: Backing, plan: Plan, url: str) -> AsyncIterator[Row]:
    """The same list with a broker, and while every connection to it is refused."""
    deployment, broker = operator.deployment, URL(where.amqp_url)
    async with Proxy(broker.host or "", broker.port or 5672) as proxy:
        through = broker.with_host("127.0.0.1").with_port(proxy.port)
        deployment.own["api-gateway"] = {"STOWAGE_AMQP_URL": str(through)}
        await deployment.again("api-gateway")
        yield await _listed(operator, "the same with a broker", url, plan.load)
        await proxy.cut()
        yield await _listed(operator, "the same without a broker", url, plan.load)
        await proxy.restore()


def _cost(operator: Operator) -> Cost:
    return cost({"api-gateway": operator.deployment.processes["api-gateway"]})


def _paced(case: str, took: float, count: int, operator: Operator, before: Cost) -> Row:
    spent = _cost(operator).since(before)
    return Row(case, "stowage", took, spent.cpu, spent.peak_mib, {"per_second": count / took})


def signed(url: str, params: dict[str, str]) -> str:
    """The URL of a signed listTemplates."""
    given = {"command": "listTemplates", "response": "json", "apikey": API_KEY, **params}
    text = "&".join(f"{name}={quote(given[name], safe='*')}" for name in sorted(given)).lower()
    mac = hmac.new(SECRET.encode(), text.encode(), hashlib.sha1).digest()
    return f"{url}/client/api?{urlencode({**given, 'signature': base64.b64encode(mac).decode()})}"


if __name__ == "__main__":
    main()
