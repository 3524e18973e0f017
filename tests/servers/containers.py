"""RabbitMQ and PostgreSQL from the images production uses, through testcontainers."""

from __future__ import annotations

import os
import shutil
from abc import abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

from tests.servers.apt import Requirement
from tests.servers.ports import free_ports
from tests.servers.process import ServerError, poll
from tests.servers.server import Server

if TYPE_CHECKING:
    from testcontainers.core.container import DockerContainer

YOUNG = "find /var/lib/rabbitmq/mnesia -path '*/quorum/*/2F_*' -newerct '1 second ago'"
SETTLED = f'while [ -n "$({YOUNG})" ]; do sleep 0.1; done'


class ContainerServer(Server):
    """A container on fixed loopback ports, so that it comes back where clients look for it."""

    requirement: ClassVar = Requirement(("docker",), ("docker.io", "docker-cli"))
    inner_ports: ClassVar[tuple[int, ...]]
    ready: ClassVar[list[str]]

    def start(self) -> None:
        """Run the container, or start the stopped one again, until it says that it is ready.

        Raises ServerError when it does not within 90 s.
        """
        stopped = self.container()
        if stopped is None:
            self._run()
        else:
            stopped.start()
        if not poll(self._is_ready, 90):
            raise ServerError(f"container for {self.directory.name} did not become ready")

    def stop(self) -> None:
        if self.alive():
            self.container().stop(timeout=20)

    def kill(self) -> None:
        if self.alive():
            self.container().kill()

    def alive(self) -> bool:
        container = self.container()
        return container is not None and container.status == "running"

    def destroy(self) -> None:
        """Remove the container with its volumes."""
        container = self.container()
        if container is not None:
            container.remove(force=True, v=True)
        shutil.rmtree(self.directory, ignore_errors=True)

    def container(self) -> Any:
        """Our container; None before it was made, and when it or its whole engine is gone."""
        from docker import from_env  # type: ignore[import-untyped]
        from docker.errors import DockerException  # type: ignore[import-untyped]

        if "container" not in self.record():
            return None
        try:
            return from_env().containers.get(self.record()["container"])
        except DockerException:
            return None

    @abstractmethod
    def definition(self) -> DockerContainer:
        """What to run."""

    @property
    def ports(self) -> list[int]:
        known: list[int] = self.record()["ports"]
        return known

    def _run(self) -> None:
        self.remember(ports=free_ports(len(self.inner_ports)))
        container = self.definition()
        published: dict[Any, Any] = {
            inner: ("127.0.0.1", outer)
            for inner, outer in zip(self.inner_ports, self.ports, strict=True)
        }
        container.ports = published
        container.start()
        self.remember(container=container.get_wrapped_container().id)

    def _is_ready(self) -> bool:
        return bool(self.container().exec_run(self.ready).exit_code == 0)


class RabbitMqContainer(ContainerServer):
    """RabbitMQ 4 with management in a container."""

    inner_ports: ClassVar = (5672, 15672)
    ready: ClassVar = ["rabbitmq-diagnostics", "-q", "check_port_listener", "5672"]

    def kill(self) -> None:
        """End it as a crash would, once what it has declared is safe, as for the native one."""
        if self.alive():
            self.container().exec_run(["timeout", "5", "sh", "-c", SETTLED])
        super().kill()

    def definition(self) -> DockerContainer:
        from testcontainers.core.container import DockerContainer

        return DockerContainer(os.environ.get("RABBITMQ_IMAGE", "rabbitmq:4-management"))

    def exports(self) -> dict[str, str]:
        amqp, management = self.ports
        return {
            "STOWAGE_TEST_AMQP_URL": f"amqp://guest:guest@127.0.0.1:{amqp}/",
            "STOWAGE_TEST_AMQP_MANAGEMENT_URL": f"http://guest:guest@127.0.0.1:{management}",
        }


class PostgresContainer(ContainerServer):
    """PostgreSQL 17 in a container."""

    inner_ports: ClassVar = (5432,)
    ready: ClassVar = ["pg_isready", "-q", "-U", "postgres", "-h", "127.0.0.1"]

    def definition(self) -> DockerContainer:
        from testcontainers.core.container import DockerContainer

        container = DockerContainer(os.environ.get("POSTGRES_IMAGE", "postgres:17"))
        options = ("fsync=off", "full_page_writes=off", "max_connections=400")
        command = " ".join(["postgres", *(f"-c {option}" for option in options)])
        return container.with_env("POSTGRES_PASSWORD", "postgres").with_command(command)

    def exports(self) -> dict[str, str]:
        url = f"postgresql://postgres:postgres@127.0.0.1:{self.ports[0]}/postgres"
        return {"STOWAGE_TEST_DATABASE_URL": url}
