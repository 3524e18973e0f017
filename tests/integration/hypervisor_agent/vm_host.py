"""Machines of tests: two VMs in the namespace and network of this run."""

from __future__ import annotations

from pathlib import Path

from stowage_contracts.plugins.machines import MachineSettings
from stowage_contracts.testing.machines_suite import SPEC

from tests.servers.transport_vms import BRIDGE, TransportVms


def settings_in(host: TransportVms, folder: Path, **options: object) -> MachineSettings:
    """Room and addresses for two VMs of the suite."""
    return MachineSettings(
        folder=str(folder),
        image=str(host.image),
        addresses=(f"{host.address(10)}/24", f"{host.address(11)}/24"),
        bridge=BRIDGE,
        slots=2,
        memory_bytes=4 * SPEC.memory_bytes,
        disk_bytes=8 * SPEC.disk_bytes,
        options={"namespace": host.namespace, "overcommit": 100, **options},
    )


def taps(host: TransportVms) -> str:
    """Interfaces of all VMs; nothing without one."""
    return host.inside("-o", "link", "show", "type", "tun")
