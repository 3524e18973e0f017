"""A deployment on real servers with one template, and hosts whose agents move nothing."""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.control.null_agent import Enrolled, joined
from bench.control.tap import Tap, tapped
from tests.e2e.deployment import PACKAGES, Backing, Deployment
from tests.e2e.operator import CLUSTER, HOST, Operator
from tests.e2e.sources import MIB, Source, image, serving
from tests.servers import leases
from tests.servers.apt import provide
from tests.servers.broker import remove_prefixed
from tests.servers.databases import fresh_database
from tests.servers.kinds import KINDS, given, implementation

HOSTS = 4
UNLIMITED = {f"STOWAGE_{kind}_SLOTS": "100000" for kind in ("STORE", "ZONE", "ACCOUNT")}
"""What is measured is the control plane's pace, not its politeness."""


@dataclass(frozen=True)
class Cloud:
    """Everything a case needs."""

    operator: Operator
    tap: Tap
    template_id: str
    pools: tuple[str, ...]

    @property
    def deployment(self) -> Deployment:
        """The services."""
        return self.operator.deployment


@contextmanager
def servers() -> Iterator[tuple[str, str, str]]:
    """URLs of PostgreSQL, RabbitMQ and its management: given ones, else shared with the tests."""
    taken: list[str] = []
    try:
        broker, database = _exports("rabbitmq", taken), _exports("postgres", taken)
        yield (
            database["STOWAGE_TEST_DATABASE_URL"],
            broker["STOWAGE_TEST_AMQP_URL"],
            broker["STOWAGE_TEST_AMQP_MANAGEMENT_URL"],
        )
    finally:
        for name in taken:
            leases.release(name)


def _exports(kind: str, taken: list[str]) -> dict[str, str]:
    """``taken`` grows by what this process did not use before, and leaves afterwards."""
    if found := given(kind):
        return found
    name = implementation(kind)
    provide([KINDS[name].requirement])
    if not leases.mine(name):
        taken.append(name)
    return leases.acquire(name).exports()


@asynccontextmanager
async def backing() -> AsyncIterator[Backing]:
    """A database and a prefix of our own, both removed afterwards; no TLS inside one machine."""
    prefix = f"b{secrets.token_hex(4)}"
    with servers() as (postgres, amqp, management):
        async with fresh_database(postgres) as database:
            try:
                yield Backing(f"{database}?sslmode=disable", amqp, management, prefix)
            finally:
                remove_prefixed(management, prefix)


@asynccontextmanager
async def cloud(where: Backing) -> AsyncIterator[Cloud]:
    """All services as processes, a template ready, ``HOSTS`` null agents joined."""
    with tempfile.TemporaryDirectory(prefix="stowage-bench-") as folder:
        deployment = Deployment(Path(folder), where, dict(UNLIMITED))
        async with AsyncExitStack() as stack:
            stack.push_async_callback(deployment.stop_all)
            await deployment.prepare()
            await deployment.start(*PACKAGES)
            operator = await stack.enter_async_context(Operator.of(deployment))
            template_id = await _template(operator)
            pools = [await _host(operator, number, stack) for number in range(HOSTS)]
            tap = await stack.enter_async_context(tapped(where))
            yield Cloud(operator, tap, template_id, tuple(pools))


async def _template(operator: Operator) -> str:
    """Registered by a real agent, which then leaves."""
    await operator.places()
    await operator.directory_store()
    await operator.host()
    async with serving(Source(image(MIB))) as source:
        made = await operator.register(source.url)
        found = await operator.settle(f"templates/{made['id']}")
    assert found["ready"], found["error"]
    await operator.deployment.stop(f"agent:{HOST}")
    return str(made["id"])


async def _host(operator: Operator, number: int, stack: AsyncExitStack) -> str:
    host_id, pool_id = f"null-{number}", f"null-pool-{number}"
    body = {"id": host_id, "name": host_id, "hypervisor": "KVM", "cluster_id": CLUSTER}
    token = (await operator.call("POST", "hosts", body))["join_token"]
    answer = await operator.call("POST", f"hosts/{host_id}/enrol", {"token": token})
    await stack.enter_async_context(joined(Enrolled.model_validate(answer), pool_id))
    await operator.settle(f"stores/{pool_id}")
    return pool_id
