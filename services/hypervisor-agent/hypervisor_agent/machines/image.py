"""The transport VM's image: what lies in its folder and what its init is told."""

import json
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_interface
from pathlib import Path
from typing import Any

from stowage_contracts.caching import VmSpec
from stowage_contracts.errors import InvalidInput, NotFound

MANIFEST = "manifest.json"
LONGEST = 1500
"""Letters of client networks; a kernel takes 2048 of arguments."""


@dataclass(frozen=True)
class Image:
    """A built image."""

    folder: Path
    export: str
    ports: dict[str, int]

    @classmethod
    def load(cls, folder: str, files: Sequence[str]) -> "Image":
        """Raises NotFound when it, or one of the ``files`` needed, is missing."""
        place = Path(folder)
        try:
            manifest: dict[str, Any] = json.loads((place / MANIFEST).read_bytes())
        except (OSError, ValueError) as error:
            raise _missing(place / MANIFEST) from error
        for name in files:
            if not (place / name).is_file():
                raise _missing(place / name)
        return cls(place, manifest["export"], manifest["ports"])

    def url(self, address: str) -> str:
        """Of its export; writes as root, as only its clients may mount it."""
        host = str(ip_interface(address).ip)
        host = f"[{host}]" if ":" in host else host
        ports = f"nfsport={self.ports['nfs']}&mountport={self.ports['mountd']}"
        return f"nfs://{host}{self.export}?version=3&{ports}&uid=0&gid=0"


def arguments(address: str, spec: VmSpec, gateway: str) -> tuple[str, ...]:
    """Kernel arguments its init takes. Raises InvalidInput for too many clients."""
    clients = ",".join(dict.fromkeys((*map(str, spec.clients), own_address(address))))
    if len(clients) > LONGEST:
        raise InvalidInput("too many client networks", code="clients", hint="name wider ones")
    told = [f"stowage.address={address}", f"stowage.clients={clients}"]
    return (*told, *([f"stowage.gateway={gateway}"] if gateway else []))


def own_address(address: str) -> str:
    """By which this host reaches ``address``. Nothing is sent."""
    target = ip_interface(address).ip
    family = socket.AF_INET6 if target.version == 6 else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        probe.connect((str(target), 2049))
        return str(probe.getsockname()[0])


def _missing(path: Path) -> NotFound:
    hint = "build it with deploy/transport-vm/build, or set STOWAGE_AGENT_MACHINES_IMAGE"
    return NotFound(f"{path} is missing", resource="transport VM image", hint=hint, code="image")
