"""A private RabbitMQ node with the management plug-in, its own cookie and its own epmd."""

from __future__ import annotations

import os
import secrets
import time
import urllib.error
import urllib.request
from typing import ClassVar

from tests.servers.apt import Requirement, program
from tests.servers.certificates import Certificates
from tests.servers.ports import free_ports, listening
from tests.servers.process import Process, ServerError, poll, spawn, tail, wait_until
from tests.servers.server import Server

SETTINGS = """\
listeners.tcp.1 = 127.0.0.1:{amqp}
listeners.ssl.1 = 127.0.0.1:{amqps}
ssl_options.cacertfile = {here}/tls/ca.pem
ssl_options.certfile = {here}/tls/server.pem
ssl_options.keyfile = {here}/tls/server.key
management.tcp.ip = 127.0.0.1
management.tcp.port = {management}
loopback_users = none
log.console = false
log.file.level = warning
vm_memory_high_watermark.absolute = 1GB
disk_free_limit.absolute = 50MB
"""


class RabbitMq(Server):
    """One RabbitMQ node on loopback; stopping and starting keeps its durable queues."""

    requirement: ClassVar = Requirement(("rabbitmq-server", "erl", "epmd"), ("rabbitmq-server",))

    def start(self) -> None:
        """Start epmd and the node; 6 to 8 s.

        Raises ServerError with the end of the log when the node does not come up.
        """
        if not self.record():
            self._prepare()
        ports = self.record()["ports"]
        epmd = self._start_epmd(ports["epmd"])
        node = spawn([_server_script()], self.directory / "out.log", self._environment())
        self.remember_processes(node, epmd)
        if not poll(lambda: not node.alive() or self._answers(), 90) or not node.alive():
            raise ServerError(f"RabbitMQ did not start: {tail(self.directory / 'out.log')}")

    def kill(self) -> None:
        """End it as a crash would, once what it has declared is safe.

        RabbitMQ 3.10 writes the register of quorum queues half a second late: a queue that is
        younger when the node is killed confirms messages and then never comes back.
        """
        poll(lambda: self._youngest_queue() < time.time() - 1, 5)
        super().kill()

    def exports(self) -> dict[str, str]:
        ports = self.record()["ports"]
        return {
            "STOWAGE_TEST_AMQP_URL": f"amqp://guest:guest@127.0.0.1:{ports['amqp']}/",
            "STOWAGE_TEST_AMQPS_URL": f"amqps://guest:guest@localhost:{ports['amqps']}/",
            "STOWAGE_TEST_AMQPS_CA": str(self._certificates.authority),
            "STOWAGE_TEST_AMQP_MANAGEMENT_URL": f"http://guest:guest@127.0.0.1:{ports['management']}",
        }

    @property
    def _certificates(self) -> Certificates:
        return Certificates(self.directory / "tls")

    def _prepare(self) -> None:
        names = ("amqp", "amqps", "management", "distribution", "epmd")
        ports = dict(zip(names, free_ports(len(names)), strict=True))
        self._certificates.make()
        (self.directory / "rabbitmq.conf").write_text(SETTINGS.format(here=self.directory, **ports))
        (self.directory / "enabled_plugins").write_text("[rabbitmq_management].\n")
        cookie = self.directory / ".erlang.cookie"
        cookie.write_text(secrets.token_hex(16))
        cookie.chmod(0o400)
        self.remember(ports=ports)

    def _start_epmd(self, port: int) -> Process:
        argv = [program("epmd"), "-address", "127.0.0.1", "-port", str(port)]
        epmd = spawn(argv, self.directory / "epmd.log")
        wait_until(lambda: listening(port), "epmd", 10)
        return epmd

    def _environment(self) -> dict[str, str]:
        here, ports = str(self.directory), self.record()["ports"]
        own = {
            "HOME": here,
            "LANG": "C.UTF-8",
            "ERL_EPMD_PORT": str(ports["epmd"]),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "ERL_CRASH_DUMP_SECONDS": "0",
            "RABBITMQ_NODENAME": "stowage@localhost",
            "RABBITMQ_BASE": here,
            "RABBITMQ_MNESIA_BASE": f"{here}/data",
            "RABBITMQ_LOG_BASE": f"{here}/log",
            "RABBITMQ_CONFIG_FILE": f"{here}/rabbitmq.conf",
            "RABBITMQ_ADVANCED_CONFIG_FILE": f"{here}/advanced.config",
            "RABBITMQ_CONF_ENV_FILE": "/dev/null",
            "RABBITMQ_ENABLED_PLUGINS_FILE": f"{here}/enabled_plugins",
            "RABBITMQ_PID_FILE": f"{here}/node.pid",
            "RABBITMQ_DIST_PORT": str(ports["distribution"]),
            "RABBITMQ_GENERATED_CONFIG_DIR": f"{here}/generated",
            "RABBITMQ_SCHEMA_DIR": f"{here}/schema",
            "RABBITMQ_FEATURE_FLAGS_FILE": f"{here}/feature_flags",
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1} "
            "+S 2:2 +sbwt none +sbwtdcpu none +sbwtdio none",
            # makes the start script exec the node, so that the pid we know is the node's
            "RUNNING_UNDER_SYSTEMD": "true",
        }
        return dict(os.environ) | own

    def _youngest_queue(self) -> float:
        queues = self.directory.glob("data/*/quorum/*/2F_*")
        return max((queue.stat().st_ctime for queue in queues), default=0)

    def _answers(self) -> bool:
        if not listening(self.record()["ports"]["amqp"]):
            return False
        try:
            with urllib.request.urlopen(self._probe(), timeout=5) as reply:
                return bool(reply.status == 200)
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return False

    def _probe(self) -> urllib.request.Request:
        address = f"http://127.0.0.1:{self.record()['ports']['management']}/api/overview"
        return urllib.request.Request(address, headers={"Authorization": "Basic Z3Vlc3Q6Z3Vlc3Q="})


def _server_script() -> str:
    """Debian's wrapper on PATH changes user; the script it wraps does not."""
    inner = "/usr/lib/rabbitmq/bin/rabbitmq-server"
    return inner if program("erl") and os.access(inner, os.X_OK) else program("rabbitmq-server")
