"""What is said of a job that failed."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from stowage_contracts.errors import Unavailable
from stowage_runtime.bus.lanes import Lanes
from structlog.testing import capture_logs


@pytest.mark.parametrize(
    ("error", "level", "traced"),
    [
        (Unavailable("the database does not answer", code="database"), "warning", False),
        (RuntimeError("a fault of ours"), "error", True),
    ],
)
async def test_an_outage_is_one_line_and_a_fault_has_its_place(
    error: Exception, level: str, traced: bool
) -> None:
    async def job() -> None:
        raise error

    lanes = Lanes(1)
    with capture_logs() as said:
        lanes.put("key", job)
        await asyncio.sleep(0)
        await lanes.stop(5)
    (line,) = _failures(said)
    assert line["log_level"] == level
    assert ("exc_info" in line) is traced


def _failures(said: Any) -> list[dict[str, Any]]:
    return [line for line in said if line["event"] == "bus.job_failed"]
