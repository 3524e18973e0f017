"""RabbitMQ and PostgreSQL from the images production uses, through testcontainers."""

from __future__ import annotations

import os
from abc import abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

from tests.servers.apt import Requirement
from tests.servers.ports import free_ports
from tests.servers.process import ServerError, poll
from tests.servers.server import Server

if TYPE_CHECKING:
    from testcontainers.core.container import DockerContainer


class ContainerServer(Server):
    """A container on fixed loopback ports, so that it comes back where clients look for it."""

    requirement: ClassVar = Requirement(("docker",), ("docker.io", "docker-cli"))
    inner_ports: ClassVar[tuple[int, ...]]
    ready: ClassVar[list[str]]

    def start(self) -> None:
        """Run the container, or start the stopped one again, until it says that it is ready.

        Raises ServerError when it does not within 90 s.
        """
        if "container" in self.record():
            self._container().start()
        else:
            self._run()
        if not poll(self._is_ready, 90):
            raise ServerError(f"container for {self.directory.name} did not become ready")

    def stop(self) -> None:
        if self.alive():
            self._container().stop(timeout=20)

    def kill(self) -> None:
        if self.alive():
            self._container().kill()

    def alive(self) -> bool:
        return "container" in self.record() and self._container().status == "running"

    def destroy(self) -> None:
        """Remove the container with its volumes."""
        if "container" in self.record():
            self._container().remove(force=True, v=True)
        super().destroy()

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
        return bool(self._container().exec_run(self.ready).exit_code == 0)

    def _container(self) -> Any:
        from testcontainers.core.docker_client import DockerClient

        return DockerClient().client.containers.get(self.record()["container"])


class RabbitMqContainer(ContainerServer):
    """RabbitMQ 4 with management in a container."""

    inner_ports: ClassVar = (5672, 15672)
    ready: ClassVar = ["rabbitmq-diagnostics", "-q", "check_port_listener", "5672"]

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
