"""image-store's settings; every one has an environment name (STOWAGE_…)."""

from ipaddress import ip_network

from pydantic import Field, SecretStr, field_validator
from stowage_runtime.settings import ServiceSettings, Words


class Settings(ServiceSettings):
    """Settings of image-store."""

    seal_private_key_image_store: SecretStr = Field(
        description="Opens what the gateway sealed for image-store."
    )
    seal_public_key_cache_autoscaler: str = Field(
        default="",
        description="Seals the secrets of image stores that become caches; without it only stores "
        "that have none can.",
    )
    at_rest_key: SecretStr = Field(description="Encrypts store secrets and URLs in the database.")
    ticket_signing_key: SecretStr = Field(description="Signs inspection tickets.")
    ticket_verify_key: str = Field(description="Public key hop tickets are checked with.")
    fetch_allow: Words = Field(
        default=(),
        description="Private networks (CIDR, comma-separated) that user-given URLs may reach.",
    )
    fetch_max_bytes: int = Field(
        default=1 << 43, ge=1, description="Largest image fetched from a URL, in bytes."
    )
    max_virtual_size: int = Field(
        default=1 << 43, ge=1, description="Largest virtual size the gate accepts, in bytes."
    )
    grant_seconds: int = Field(
        default=900, ge=30, le=86400, description="Life of a redeemed grant, in seconds."
    )
    probe_seconds: float = Field(
        default=300, gt=0, description="How often a store is probed again, in seconds."
    )
    host_silent_seconds: float = Field(
        default=20, gt=0, description="A host not heard of for so long is Disconnected."
    )
    ask_again_seconds: float = Field(
        default=600, gt=0, description="A copy whose end was not heard for so long is asked again."
    )
    inspect_seconds: float = Field(
        default=60, gt=0, description="An inspection not answered for so long goes elsewhere."
    )
    inspect_attempts: int = Field(
        default=10, ge=1, description="Inspections tried before the replica is failed."
    )
    keep_seconds: float = Field(
        default=86400, gt=0, description="How often an object is compared with what is wished."
    )
    scrub_seconds: float = Field(
        default=30 * 86400,
        gt=0,
        description="Every replica is read again, whole, within about so many seconds.",
    )
    scrub_parallel: int = Field(
        default=1, ge=0, description="Replicas read again at the same time; 0 stops scrubbing."
    )
    link_max_seconds: int = Field(
        default=86400, ge=1, description="Longest life of a download link, in seconds."
    )
    upload_seconds: int = Field(
        default=86400, ge=1, description="An upload nobody went on with for so long vanishes."
    )
    scan_seconds: float = Field(
        default=86400, gt=0, description="How often a store is compared with the catalogue."
    )
    finding_grace_seconds: float = Field(
        default=86400, ge=0, description="What nobody owns on a store is kept at least so long."
    )
    capacity_warning: float = Field(
        default=0.85, gt=0, le=1, description="Used share at which a store warns, once."
    )
    store_high_water: float = Field(
        default=0.95, gt=0, le=1, description="Share of a store that may be filled or reserved."
    )

    @field_validator("fetch_allow")
    @classmethod
    def _networks(cls, given: tuple[str, ...]) -> tuple[str, ...]:
        for network in given:
            ip_network(network)
        return given
