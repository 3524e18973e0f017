"""Interfaces of VMs: one tap each, in the bridge of the host or of a namespace of it."""

import hashlib
from collections.abc import Sequence

from stowage_contracts.errors import Unavailable

from hypervisor_agent.machines.processes import run


def tap_of(vm_id: str) -> str:
    """Its name; a device's is 15 letters at most."""
    return f"sv{hashlib.sha256(vm_id.encode()).hexdigest()[:10]}"


def mac_of(address: str) -> str:
    """In the range that hypervisors use for theirs; the next VM with an address has its MAC too,
    so that nobody has to forget the last one's."""
    digest = hashlib.sha256(address.encode()).digest()
    return ":".join(f"{byte:02x}" for byte in (0x52, 0x54, 0x00, *digest[:3]))


class Taps:
    """Makes and removes them. VMs on them reach what the bridge leads to, but not each other."""

    def __init__(self, bridge: str, namespace: str, user: str) -> None:
        self._bridge, self._user = bridge, user or "root"
        self._ip = ("ip", *(("-n", namespace) if namespace else ()))

    async def check(self) -> None:
        """Raises Unavailable when the bridge is not there."""
        await self._run("link", "show", self._bridge, "type", "bridge")

    async def make(self, vm_id: str) -> str:
        """Also when it is there already. Raises Unavailable."""
        name = tap_of(vm_id)
        if not await self._there(name):
            await self._run("tuntap", "add", "dev", name, "mode", "tap", "user", self._user)
        await self._run("link", "set", name, "master", self._bridge)
        await self._run("link", "set", name, "type", "bridge_slave", "isolated", "on")
        await self._run("link", "set", name, "up")
        return name

    async def remove(self, vm_id: str) -> None:
        """Idempotent. Raises Unavailable when it stays."""
        name = tap_of(vm_id)
        if await self._there(name):
            try:
                await self._run("link", "delete", name)
            except Unavailable:
                if await self._there(name):
                    raise

    async def _there(self, name: str) -> bool:
        return f" {name}:" in await self._run("-o", "link", "show", "type", "tun")

    async def _run(self, *arguments: str) -> str:
        return await run((*self._ip, *arguments))


def inside(namespace: str) -> Sequence[str]:
    """What runs a command in a network namespace; nothing for the host's own."""
    return ("nsenter", f"--net=/run/netns/{namespace}", "--") if namespace else ()
