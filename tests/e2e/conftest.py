"""A deployment on real servers, with one zone, host and operator."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.e2e.deployment import Backing, Deployment, deployed
from tests.e2e.operator import Operator


@pytest.fixture
def backing(
    database_url: str, rabbitmq_url: str, rabbitmq_management_url: str, bus_prefix: str
) -> Backing:
    return Backing(database_url, rabbitmq_url, rabbitmq_management_url, bus_prefix)


@pytest.fixture
async def deployment(tmp_path: Path, backing: Backing) -> AsyncIterator[Deployment]:
    async with deployed(tmp_path, backing) as deployment:
        yield deployment


@pytest.fixture
async def operator(deployment: Deployment) -> AsyncIterator[Operator]:
    async with Operator.of(deployment) as operator:
        await operator.places()
        yield operator
