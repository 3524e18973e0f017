"""A private Docker engine with compose and buildx, for the deploy tests."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import ClassVar

from tests.servers import firewall
from tests.servers.apt import PLACES, Requirement, debian_mirror, program
from tests.servers.images import provide_images
from tests.servers.process import ServerError, poll, run, spawn, tail
from tests.servers.server import Server

KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
PLUGINS = ("docker-compose", "docker-buildx")


class Docker(Server):
    """One Docker engine on its own socket and data; it takes its bridge and rules with it."""

    requirement: ClassVar = Requirement(
        ("dockerd", "docker", "iptables", "ip", "mmdebstrap"),
        ("docker.io", "docker-cli", "iptables", "iproute2", "mmdebstrap"),
    )

    def start(self) -> None:
        """Start the engine, and see that the base images we build on are there.

        A few seconds; a minute more where the images must be made because no registry answers.
        Raises ServerError with the end of the log when it does not come up.
        """
        self.remember(before=firewall.state())
        log = self.directory / "dockerd.log"
        engine = spawn(self._command(), log, os.environ | {"PATH": PLACES})
        self.remember_processes(engine)
        if not poll(lambda: self._answers() or not engine.alive(), 60) or not engine.alive():
            raise ServerError(f"dockerd did not start: {tail(log)}")
        self._provide_plugins()
        provide_images(self.environment(), self.directory / "images")

    def stop(self) -> None:
        """Remove its containers and networks, end it, and clear its bridge and packet rules."""
        engines = [engine for engine in self.processes() if engine.alive()]
        if engines and self._answers():
            self._remove_containers()
        for engine in engines:
            engine.stop()
        if "before" in self.record():
            firewall.restore(self.record()["before"])

    def kill(self) -> None:
        """The same as stop: a killed engine would leave containers, mounts and rules behind."""
        self.stop()

    def exports(self) -> dict[str, str]:
        return {
            "DOCKER_HOST": f"unix://{self.directory}/docker.sock",
            "DOCKER_CONFIG": str(self.directory / "config"),
            "DOCKER_BUILDKIT": "1",
            "TESTCONTAINERS_RYUK_DISABLED": "true",
            "TESTCONTAINERS_CONNECTION_MODE": "docker_host",
            "TC_HOST": "127.0.0.1",
        }

    def environment(self) -> dict[str, str]:
        """What a docker command of ours needs to find this engine."""
        return dict(os.environ) | self.exports()

    def _command(self) -> list[str]:
        here = self.directory
        return [
            program("dockerd"),
            f"--host=unix://{here}/docker.sock",
            f"--data-root={here}/data",
            f"--exec-root={here}/exec",
            f"--pidfile={here}/dockerd.pid",
        ]

    def _answers(self) -> bool:
        try:
            self._docker("info", seconds=10)
        except ServerError:
            return False
        return True

    def _remove_containers(self) -> None:
        containers = self._docker("ps", "-aq").split()
        if containers:
            self._docker("rm", "-f", "-v", *containers)
        self._docker("network", "prune", "-f")

    def _docker(self, *arguments: str, seconds: float = 60) -> str:
        return run([program("docker"), *arguments], seconds, self.environment())

    def _provide_plugins(self) -> None:
        """Compose and buildx are not in every Debian; those of Debian 13 run on 12 as well."""
        folder = self.directory / "config" / "cli-plugins"
        folder.mkdir(parents=True, exist_ok=True)
        private = self.directory / "apt"
        unpacked = private / "unpacked"
        for debian_file in _download(PLUGINS, private):
            run(["dpkg-deb", "-x", debian_file, unpacked])
        for plugin in PLUGINS:
            shutil.copy(unpacked / "usr/libexec/docker/cli-plugins" / plugin, folder)


def _download(packages: tuple[str, ...], private: Path) -> list[Path]:
    """Fetch Debian 13's packages with an apt state of our own, leaving the system's alone."""
    for part in ("lists/partial", "cache/archives/partial"):
        (private / part).mkdir(parents=True, exist_ok=True)
    sources = private / "sources.list"
    sources.write_text(f"deb [signed-by={KEYRING}] {debian_mirror()} trixie main\n")
    apt_get = ["apt-get", "-qq"]
    for key, value in (
        ("Dir::Etc::sourcelist", sources),
        ("Dir::Etc::sourceparts", "/dev/null"),
        ("Dir::State::lists", private / "lists"),
        ("Dir::Cache", private / "cache"),
        ("APT::Sandbox::User", "root"),
    ):
        apt_get += ["-o", f"{key}={value}"]
    run([*apt_get, "update"], 300)
    run([*apt_get, "download", *packages], 300, cwd=private)
    return sorted(private.glob("*.deb"))


def socket_answers() -> bool:
    """Whether a Docker engine answers where the environment, or the default, says it is."""
    if shutil.which("docker") is None:
        return False
    try:
        run(["docker", "info"], 20)
    except ServerError:
        return False
    return True
