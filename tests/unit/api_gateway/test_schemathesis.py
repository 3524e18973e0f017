"""A stranger's fuzzer at every route of the description: it holds, and no answer is 5xx.

``make fuzz-api`` lets it run for longer, in every way it knows.
"""

import asyncio
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from api_gateway.deps import Deps
from api_gateway.routes import ROUTES
from api_gateway.settings import Settings
from stowage_contracts.messages.data_motion import CopyExplained, ExplainCopy
from stowage_runtime.http.openapi import document
from stowage_runtime.http.server import HttpServer
from stowage_runtime.testing.bench import ServiceBench

from tests.unit.api_gateway import caches, words
from tests.unit.api_gateway.conftest import ADMIN_KEY

SECONDS = int(os.environ.get("STOWAGE_FUZZ_API_SECONDS", "0"))
"""0 is the short run: the same requests each time."""
SHORT = ("--phases", "fuzzing", "--max-examples", "4", "--seed", "1", "--no-shrink")
CHECKS = (
    "not_a_server_error,status_code_conformance,content_type_conformance,"
    "response_headers_conformance,response_schema_conformance"
)


def arguments(port: int, description: Path) -> Sequence[str]:
    long = ("--phases", "coverage,fuzzing,stateful", "--max-time", str(SECONDS))
    return (
        *(sys.executable, "-m", "schemathesis.cli", "run", str(description)),
        *("--url", f"http://127.0.0.1:{port}", "--header", f"Authorization:Bearer {ADMIN_KEY}"),
        *("--checks", CHECKS, "--exclude-path", "/v1/events", "--exclude-path", "/metrics"),
        *("--suppress-health-check", "all", "--warnings", "off", "--no-color"),
        *(long if SECONDS else SHORT),
    )


def explained(question: Any) -> CopyExplained:
    return CopyExplained(copy_id=question.copy_id, then=(), now=())


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Nobody waits for long."""
    return settings.model_copy(update={"max_wait_seconds": 0.1})


@pytest.mark.timeout(90 + 2 * SECONDS)
async def test_no_route_breaks_its_own_description(
    bench: ServiceBench[Deps], server: HttpServer[Deps], tmp_path: Path
) -> None:
    description = tmp_path / "openapi.json"  # docs/reference has the same, by a test of its own
    description.write_text(json.dumps(document("Stowage", ROUTES)))
    bench.bus.replies.update({**words.ANSWERS, **caches.ANSWERS})
    bench.bus.replies[ExplainCopy] = explained
    for said in (
        words.zone("z1"),
        words.store("s1"),
        words.pool("p1"),
        words.provider(),
        words.template("t1", ready=True),
        words.planned("c1"),
        caches.fleet("z1"),
    ):
        await bench.handle(said, sequence=1)
    fuzzer = await asyncio.create_subprocess_exec(
        *arguments(server.port, description),
        cwd=tmp_path,  # it writes down what it finds
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    told, _ = await fuzzer.communicate()
    assert fuzzer.returncode == 0, told.decode()[-20_000:]
