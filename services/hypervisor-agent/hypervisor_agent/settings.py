"""hypervisor-agent's settings; every one has an environment name (STOWAGE_…)."""

from typing import Any, Literal

from pydantic import Field, SecretStr
from stowage_contracts.plugins.hypervisor import PoolSettings
from stowage_runtime.settings import ServiceSettings

from hypervisor_agent.gate import Option


class Settings(ServiceSettings):
    """Settings of an agent; broker address and names come with its identity."""

    agent_state_dir: str = Field(
        "/var/lib/stowage-agent", description="Keeps the agent's identity (mode 600)."
    )
    agent_gateway_url: str = Field(
        "", description="The gateway an agent without identity enrols at, as https://host:8080."
    )
    agent_host_id: str = Field("", description="The host's id, as the gateway announced it.")
    agent_join_token: SecretStr = Field(
        SecretStr(""), description="One-time token for enrolling; useless afterwards."
    )
    agent_hypervisor: str = Field(
        "kvm", description="Hypervisor plug-in: `kvm`, `none` (a plain mover), `fake`, or foreign."
    )
    agent_pools: tuple[PoolSettings, ...] = Field(
        (), description='Primary pools, as JSON: [{"id": "…", "name": "…", "root": "/…"}].'
    )
    agent_roots: tuple[str, ...] = Field(
        (), description='Directories of file stores mounted here, as JSON: ["/mnt/nfs1"].'
    )
    agent_options: dict[str, Any] = Field(
        {}, description="The hypervisor plug-in's own options, as JSON."
    )
    agent_fetch: bool = Field(True, description="Whether this agent opens user-given URLs.")
    agent_slots: int = Field(4, ge=1, le=1000, description="Hops moved at the same time.")
    agent_connections: int = Field(
        4, ge=1, le=64, description="Connections one hop opens to its source and destination."
    )
    agent_buffer_bytes: int = Field(
        24 * 1024 * 1024,
        ge=8 * 1024 * 1024,
        description="Bytes of buffers all hops share; the process needs about 90 MiB more.",
    )
    agent_spool_dir: str = Field(
        "/var/tmp",  # noqa: S108 - only unnamed files are made there
        description="On a disk: holds up to two parts a hop while a source of unknown length, "
        "beyond some 17 GiB, goes to an object store.",
    )
    agent_max_virtual_size: int = Field(
        1 << 43, ge=1, description="Largest virtual size the gate accepts, in bytes."
    )
    agent_gate_allow: tuple[Literal[Option.EXTENDED_L2, Option.DIRTY], ...] = Field(
        (Option.EXTENDED_L2,),
        description="Honest but unusual images the gate takes, as JSON: extended_l2, dirty.",
    )
    agent_machines_kind: str = Field(
        "",
        description="How this host runs transport VMs: `libvirt`, `qemu`, `uml`, `fake`, or "
        "foreign; empty: it runs none.",
    )
    agent_machines_folder: str = Field(
        "/var/lib/stowage-agent/machines",
        description="Keeps the VMs' records and data disks; on a disk with room for all of them.",
    )
    agent_machines_image: str = Field(
        "/usr/lib/stowage/transport-vm",
        description="Folder of the transport VM's image, as `deploy/transport-vm/build` makes it.",
    )
    agent_machines_addresses: tuple[str, ...] = Field(
        (), description='Addresses its VMs may have, as JSON: ["10.1.0.10/24"]; one each.'
    )
    agent_machines_gateway: str = Field(
        "", description="Where the VMs send what is for other networks; empty: nowhere."
    )
    agent_machines_bridge: str = Field("", description="Bridge the VMs' interfaces join.")
    agent_machines_slots: int = Field(1, ge=1, le=1000, description="VMs at the same time.")
    agent_machines_memory_bytes: int = Field(
        0, ge=0, description="Memory of all VMs together; 0: what the host has free."
    )
    agent_machines_disk_bytes: int = Field(
        0, ge=0, description="Data disks of all VMs together; 0: what the folder's disk holds."
    )
    agent_machines_options: dict[str, Any] = Field(
        {}, description="The machines plug-in's own options, as JSON."
    )
    agent_heartbeat_seconds: float = Field(5.0, gt=0, description="Time between heartbeats.")
    agent_door_listen: str = Field(
        "", description="Where links to files are served, as 0.0.0.0:8443; empty for no door."
    )
    agent_door_url: str = Field(
        "", description="What those links begin with, as clients reach it: https://host:8443."
    )
    agent_door_cert: str = Field("", description="Certificate chain of the door (PEM file).")
    agent_door_key: str = Field("", description="Its private key (PEM file).")
    agent_door_origins: tuple[str, ...] = Field(
        (), description='Web pages that may use links, as JSON: ["https://ui.example.org"].'
    )
    agent_door_connections: int = Field(
        64, ge=1, le=4096, description="Connections the door has open; half a MiB each at most."
    )
    agent_door_uploads: int = Field(
        8, ge=1, le=256, description="Uploads taken at the same time; 4 MiB each."
    )
    agent_door_peers: int = Field(
        16,
        ge=0,
        le=256,
        description="Ranges served at the same time to other agents that copy the same image, "
        "beside the door's connections; 0 serves none. Half a MiB each.",
    )
    agent_peer_ca: str = Field(
        "",
        description="Authority that signed the doors of other agents (PEM file); empty trusts the "
        "system's.",
    )
    agent_door_stall_seconds: float = Field(
        30.0, gt=0, description="Without a byte for so long, a client of the door is let go."
    )
