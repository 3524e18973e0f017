"""One trace spans gateway, image-store, data-motion, agent and commit."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from tests.e2e.collector import Collector, collecting
from tests.e2e.deployment import Backing, Deployment
from tests.e2e.operator import Operator
from tests.e2e.sources import MIB, Source, image, serving

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(180), pytest.mark.slow]
SERVICES = {"api-gateway", "image-store", "data-motion", "hypervisor-agent"}


async def test_a_registration_is_one_trace_from_request_to_commit(
    tmp_path: Path, backing: Backing
) -> None:
    async with collecting() as collector:
        deployment = Deployment(
            tmp_path,
            backing,
            {"STOWAGE_OTLP_ENDPOINT": collector.url, "STOWAGE_LOG_LEVEL": "debug"},
        )
        await deployment.prepare()
        try:
            await deployment.start("image-store", "data-motion", "cache-autoscaler", "api-gateway")
            async with Operator.of(deployment) as operator:
                await operator.places()
                await operator.directory_store()
                await operator.host()
                await _registered(operator)
        finally:
            await deployment.stop_all()
        trace = _trace_of_registration(collector)
        assert collector.services_of(trace) >= SERVICES
        told = " ".join(collector.names_of(trace))
        for step in (
            "RegisterTemplate",
            "CopyRequested",
            "ExecuteHop",
            "HopFinished",
            "CommitHop",
            "HopCommitted",
            "CopyCompleted",
        ):
            assert step in told
    assert _log_lines_with(deployment, trace) >= SERVICES - {"api-gateway"}


async def _registered(operator: Operator) -> None:
    async with serving(Source(image(MIB))) as source:
        made = await operator.register(source.url)
        template = await operator.settle(f"templates/{made['id']}")
        assert template["ready"], template["error"]
    async with asyncio.timeout(30):
        await operator.settle(f"copies/{made['copy_id']}")


def _trace_of_registration(collector: Collector) -> str:
    (trace,) = {span.trace for span in collector.spans if "RegisterTemplate" in span.name}
    return trace


def _log_lines_with(deployment: Deployment, trace: str) -> set[str]:
    """Services that wrote a line with this trace id."""
    found = set()
    for path in deployment.folder.glob("*.log"):
        for line in path.read_text().splitlines():
            if trace in line:
                found.add(json.loads(line).get("service", ""))
    return found
