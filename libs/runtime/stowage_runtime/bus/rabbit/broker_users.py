"""Users, permissions and queues of agents on RabbitMQ, through its management API."""

import secrets
from collections.abc import Iterator
from re import escape
from typing import Any
from urllib.parse import quote

import aiohttp
from pydantic import SecretStr
from stowage_contracts.errors import Unavailable
from stowage_contracts.message import Kind
from stowage_contracts.topology import Topology, agent_address
from stowage_contracts.values import ServiceName
from yarl import URL

from stowage_runtime.bus.limits import BusLimits
from stowage_runtime.bus.rabbit.agent_users import AgentLogin, check_host_id
from stowage_runtime.bus.rabbit.topology import QueuePlan, dead_queue, work_queue

SECONDS = 20.0
Call = tuple[str, str, dict[str, Any]]
"""(method, path below /api, body)."""


class BrokerUsers:
    """An agent's user reads its own queue and writes reports, signals and requests as itself."""

    def __init__(
        self,
        management: URL,
        topology: Topology,
        *,
        vhost: str = "/",
        limits: BusLimits | None = None,
    ) -> None:
        """``management`` is ``http(s)://user:password@host:port``."""
        self._base, self._topology = management, topology
        self._vhost, self._limits = quote(vhost, safe=""), limits or BusLimits()

    async def admit(self, host_id: str) -> AgentLogin:
        """Make what an agent needs; whoever used an older password is cut off.

        Raises Unavailable, or InvalidInput for a host id that could pass for another name.
        """
        check_host_id(host_id)
        password = secrets.token_urlsafe(32)
        await self._call([*self._queue(host_id), *self._user(host_id, password)])
        return AgentLogin(
            user=self._name(host_id),
            password=SecretStr(password),
            queue=self._topology.agent(host_id),
        )

    async def dismiss(self, host_id: str) -> None:
        """Delete its user, which cuts its connections, and its queue; idempotent."""
        queue = quote(self._topology.agent(host_id), safe="")
        await self._call([self._delete(host_id), ("DELETE", f"queues/{self._vhost}/{queue}", {})])

    def _name(self, host_id: str) -> str:
        return f"{self._topology.prefix}.agent.{host_id}"

    def _delete(self, host_id: str) -> Call:
        return "DELETE", f"users/{quote(self._name(host_id), safe='')}", {}

    def _queue(self, host_id: str) -> Iterator[Call]:
        dead = dead_queue(self._topology, ServiceName.HYPERVISOR_AGENT, self._limits)
        queue = self._topology.agent(host_id)
        work = work_queue(queue, dead.name, self._limits, ())
        single = {**work.arguments, "x-single-active-consumer": True}
        for plan in (dead, QueuePlan(queue, single)):
            body = {"durable": True, "arguments": plan.arguments}
            yield "PUT", f"queues/{self._vhost}/{quote(plan.name, safe='')}", body
        commands = quote(self._topology.exchange(Kind.COMMAND), safe="")
        path = f"bindings/{self._vhost}/e/{commands}/q/{quote(queue, safe='')}"
        yield "POST", path, {"routing_key": agent_address(host_id)}

    def _user(self, host_id: str, password: str) -> Iterator[Call]:
        name, prefix = quote(self._name(host_id), safe=""), escape(self._topology.prefix)
        yield self._delete(host_id)
        yield "PUT", f"users/{name}", {"password": password, "tags": ""}
        yield (
            "PUT",
            f"permissions/{self._vhost}/{name}",
            {
                "configure": "^$",
                "write": rf"^{prefix}\.(reports|signals|requests)$",
                "read": f"^{escape(self._topology.agent(host_id))}$",
            },
        )
        for kind in (Kind.REPORT, Kind.SIGNAL):
            yield (
                "PUT",
                f"topic-permissions/{self._vhost}/{name}",
                {
                    "exchange": self._topology.exchange(kind),
                    "write": rf"^{escape(host_id)}\.[A-Za-z]+$",
                    "read": "^$",
                },
            )

    async def _call(self, calls: list[Call]) -> None:
        login = (self._base.user or "guest", self._base.password or "guest")
        headers = {"Authorization": aiohttp.encode_basic_auth(*login)}
        timeout = aiohttp.ClientTimeout(total=SECONDS)
        try:
            async with aiohttp.ClientSession(headers=headers, timeout=timeout) as session:
                for method, path, body in calls:
                    await self._one(session, (method, path, body))
        except (TimeoutError, aiohttp.ClientError) as error:
            raise _unavailable(type(error).__name__) from error

    async def _one(self, session: aiohttp.ClientSession, call: Call) -> None:
        method, path, body = call
        plain = self._base.with_user(None)
        url = URL(f"{str(plain).rstrip('/')}/api/{path}", encoded=True)
        async with session.request(method, url, json=body) as reply:
            gone = method == "DELETE" and reply.status == 404
            if reply.status >= 300 and not gone:
                raise _unavailable(f"{method} {path.partition('/')[0]} answered {reply.status}")


def _unavailable(cause: str) -> Unavailable:
    return Unavailable(
        cause,
        resource="rabbitmq management",
        code="broker",
        hint="is the management plug-in on, and may this user use it?",
    )
