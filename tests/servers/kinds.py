"""Which class makes which kind of server."""

from __future__ import annotations

import os
from collections.abc import Mapping

from tests.servers.ceph import Ceph
from tests.servers.containers import PostgresContainer, RabbitMqContainer
from tests.servers.docker import Docker
from tests.servers.keystone import Keystone
from tests.servers.mariadb import MariaDb
from tests.servers.nfs import Nfs
from tests.servers.postgres import Postgres
from tests.servers.rabbitmq import RabbitMq
from tests.servers.server import Server
from tests.servers.swift import Swift
from tests.servers.transport_vms import TransportVms

KINDS: Mapping[str, type[Server]] = {
    "rabbitmq": RabbitMq,
    "postgres": Postgres,
    "ceph": Ceph,
    "docker": Docker,
    "nfs": Nfs,
    "swift": Swift,
    "keystone": Keystone,
    "mariadb": MariaDb,
    "transport-vms": TransportVms,
    "rabbitmq-container": RabbitMqContainer,
    "postgres-container": PostgresContainer,
}
EXPORTS: Mapping[str, tuple[str, ...]] = {
    "rabbitmq": ("STOWAGE_TEST_AMQP_URL", "STOWAGE_TEST_AMQP_MANAGEMENT_URL"),
    "postgres": ("STOWAGE_TEST_DATABASE_URL",),
    "ceph": (
        "STOWAGE_TEST_S3_ENDPOINT",
        "STOWAGE_TEST_S3_ACCESS_KEY",
        "STOWAGE_TEST_S3_SECRET_KEY",
    ),
    "docker": ("DOCKER_HOST",),
    "nfs": ("STOWAGE_TEST_NFS_URL", "STOWAGE_TEST_NFS_FOLDER"),
    "swift": ("STOWAGE_TEST_SWIFT_AUTH_URL", "STOWAGE_TEST_SWIFT_USER", "STOWAGE_TEST_SWIFT_KEY"),
    "keystone": (
        "STOWAGE_TEST_KEYSTONE_URL",
        "STOWAGE_TEST_KEYSTONE_USER",
        "STOWAGE_TEST_KEYSTONE_KEY",
    ),
    "mariadb": ("STOWAGE_TEST_MARIADB_URL",),
    "transport-vms": (
        "STOWAGE_TEST_VM_NETWORK",
        "STOWAGE_TEST_VM_NAMESPACE",
        "STOWAGE_TEST_VM_BRIDGE",
        "STOWAGE_TEST_VM_IMAGE",
    ),
}
BY_TLS: Mapping[str, tuple[str, ...]] = {
    "rabbitmq": ("STOWAGE_TEST_AMQPS_URL", "STOWAGE_TEST_AMQPS_CA"),
    "postgres": ("STOWAGE_TEST_DATABASE_CA",),
}
"""What servers of our own also tell: where they take TLS, and the authority to trust."""
SHARED = ("rabbitmq", "postgres", "ceph")


def given(kind: str) -> dict[str, str]:
    """What the environment says about a server of that kind; empty when one must be started."""
    if all(name in os.environ for name in EXPORTS[kind]):
        names = (*EXPORTS[kind], *BY_TLS.get(kind, ()))
        return {name: os.environ[name] for name in names if name in os.environ}
    return {}


def implementation(kind: str) -> str:
    """The kind by which to start it: a container where TEST_SERVERS=docker asks for one."""
    container = f"{kind}-container"
    wanted = os.environ.get("TEST_SERVERS", "native") == "docker"
    return container if wanted and container in KINDS else kind
