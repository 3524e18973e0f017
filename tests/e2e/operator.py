"""What an operator does with a deployment: places, stores, hosts, templates, copies."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from tests.e2e.deployment import API_KEY, Deployment

ZONE, POD, CLUSTER, HOST, POOL = "z1", "p1", "c1", "h1", "pool1"


class Refused(Exception):
    """A problem the API answered."""

    def __init__(self, status: int, problem: dict[str, Any]) -> None:
        super().__init__(f"{status} {problem.get('code')}: {problem.get('cause')}")
        self.status, self.problem = status, problem


@dataclass
class Operator:
    """A client of the REST API."""

    deployment: Deployment
    session: aiohttp.ClientSession

    @classmethod
    @asynccontextmanager
    async def of(
        cls, deployment: Deployment, tls: ssl.SSLContext | None = None
    ) -> AsyncIterator[Operator]:
        """An operator with the admin's key."""
        headers = {"Authorization": f"Bearer {API_KEY}"}
        connector = aiohttp.TCPConnector(ssl=tls or True)
        async with aiohttp.ClientSession(headers=headers, connector=connector) as session:
            yield cls(deployment, session)

    async def call(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """One request; raises Refused."""
        url = f"{self.deployment.url}/v1/{path}"
        async with self.session.request(method, url, json=body) as response:
            answer = await response.json()
            if response.status >= 400:
                raise Refused(response.status, answer)
            return answer

    async def host(self, host_id: str = HOST, pool_id: str = POOL, **settings: Any) -> None:
        """Announce a host, KVM unless told otherwise, and start its agent."""
        body = {
            "id": host_id,
            "name": host_id,
            "hypervisor": settings.pop("kind", "KVM"),
            "cluster_id": settings.pop("cluster_id", CLUSTER),
        }
        announced = await self.call("POST", "hosts", body)
        pool = self.deployment.folder / pool_id
        pool.mkdir(exist_ok=True)
        given = {
            "pools": [{"id": pool_id, "name": pool_id, "root": str(pool)}],
            "roots": [str(self.deployment.folder)],
            **settings,
        }
        await self.deployment.start_agent(host_id, announced["join_token"], **given)
        await self.settle(f"stores/{pool_id}")

    async def places(self) -> None:
        """One zone, pod and cluster."""
        await self.call("POST", "zones", {"id": ZONE, "name": "zone"})
        await self.call("POST", "pods", {"id": POD, "name": "pod", "zone_id": ZONE})
        cluster = {"id": CLUSTER, "name": "c", "pod_id": POD, "hypervisor": "KVM"}
        await self.call("POST", "clusters", cluster)

    async def directory_store(self, store_id: str = "s1") -> Path:
        """A directory image store, proven."""
        root = self.deployment.folder / store_id
        root.mkdir(exist_ok=True)
        body = {
            "id": store_id,
            "name": store_id,
            "provider": "directory",
            "scope": "zone",
            "scope_id": ZONE,
            "settings": {"root": str(root)},
        }
        await self.call("POST", "stores", body)
        store = await self.settle(f"stores/{store_id}")
        if store["state"] == "Adding":  # a disk that others keep busy may take its time to sync
            store = await self.settle(f"stores/{store_id}")
        assert store["state"] == "Up", f"{store['state']}: {store['error']} {store['checks']}"
        return root

    async def settle(self, path: str, seconds: int = 60) -> dict[str, Any]:
        """A resource once it settled; a pool may not be known yet."""
        for _ in range(300):
            try:
                found: dict[str, Any] = await self.call("GET", f"{path}?wait={seconds}")
            except Refused as refused:
                if refused.status != 404:
                    raise
                await _tick()
            else:
                return found
        raise AssertionError(f"{path} never appeared")

    async def gone(self, path: str) -> None:
        """Once a resource is not shown any more."""
        for _ in range(300):
            try:
                await self.call("GET", path)
            except Refused as refused:
                if refused.status == 404:
                    return
                raise
            await _tick()
        raise AssertionError(f"{path} is still there")

    async def register(self, url: str, **changes: Any) -> dict[str, Any]:
        """Register a template; the pending one."""
        body = {"name": "disk", "url": url, "format": "raw", "zone_id": ZONE, **changes}
        answer: dict[str, Any] = await self.call("POST", "templates", body)
        return answer

    async def copy(self, template_id: str, pool_id: str = POOL, **changes: Any) -> dict[str, Any]:
        """Ask for a copy; the pending one."""
        body = {"template_id": template_id, "store_id": pool_id, **changes}
        answer: dict[str, Any] = await self.call("POST", "copies", body)
        return answer


async def _tick() -> None:
    await asyncio.sleep(0.1)
