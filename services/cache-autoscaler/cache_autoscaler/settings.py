"""cache-autoscaler's settings; every one has an environment name (STOWAGE_…)."""

from typing import Annotated

from pydantic import Field, SecretStr

from cache_autoscaler.fleet_settings import FleetSettings

Share = Annotated[float, Field(gt=0, le=1)]


class Settings(FleetSettings):
    """Settings of cache-autoscaler."""

    seal_private_key_cache_autoscaler: SecretStr = Field(
        description="Opens what the gateway sealed for cache-autoscaler."
    )
    at_rest_key: SecretStr = Field(description="Encrypts store secrets in the database.")
    ticket_verify_key: str = Field(description="Public key hop tickets are checked with.")
    grant_seconds: int = Field(
        default=900, ge=30, le=86400, description="Life of a redeemed grant, in seconds."
    )
    probe_seconds: float = Field(
        default=300, gt=0, description="How often a store is probed again, in seconds."
    )
    cache_selector: str = Field(
        default="fitting", description="Plug-in that chooses a cache store."
    )
    autoscale_strategy: str = Field(
        default="forecast", description="Plug-in that says how many cache stores a scope needs."
    )
    cache_pin_seconds: float = Field(
        default=60, ge=5, description="A pin not renewed by its copy's progress lapses after this."
    )
    cache_fill_limit: Share = Field(
        default=0.95, description="Share of a cache store that may be reserved or filled."
    )
    cache_evict_high: Share = Field(
        default=0.9, description="Filled share of a cache at which it is evicted from…"
    )
    cache_evict_low: Share = Field(
        default=0.75, description="…down to this share, as far as entries are unpinned."
    )
    cache_endless_bytes: int = Field(
        default=1 << 40, gt=0, description="Room assumed on a cache store that tells none (S3)."
    )
    cache_load_high: Share = Field(
        default=0.8, description="Load at which CacheLoadHigh is said, once."
    )
    cache_load_low: Share = Field(
        default=0.3, description="Load at which CacheLoadLow is said after it, once."
    )
    cache_load_seconds: float = Field(
        default=15, gt=0, description="An agent's figures older than this count for nothing."
    )
    cache_shown_floor: float = Field(
        default=100 << 20,
        gt=0,
        description="Bytes per second a cache is taken to manage until it has shown more.",
    )
    cache_fleet_minimum: int = Field(
        default=0, ge=0, description="Fewest cache stores a scope is told to have."
    )
    cache_fleet_maximum: int = Field(
        default=4, ge=1, description="Most cache stores a scope is told to have."
    )
    cache_probe_used_seconds: float = Field(
        default=30, gt=0, description="How often a cache that copies use is probed…"
    )
    cache_probe_again_seconds: float = Field(
        default=10, gt=0, description="…and one that fails, until it works again."
    )
    cache_drain_seconds: float = Field(
        default=3600, gt=0, description="How long a removed cache may take to become empty."
    )
    cache_decisions_days: float = Field(
        default=30, gt=0, description="How long the reasons of decisions are kept."
    )
