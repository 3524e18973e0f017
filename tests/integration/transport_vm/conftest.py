"""VMs started by hand on the network of this run."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.transport_vm.guest import MEBI, Boot
from tests.servers.transport_vms import TransportVms


@pytest.fixture
def boot(transport_vms: TransportVms, tmp_path: Path) -> Boot:
    """With a new blank disk of 64 MiB."""
    return Boot(transport_vms, tmp_path).disk_of(64 * MEBI)
