"""api-gateway's settings; every one has an environment name (STOWAGE_…)."""

from pydantic import Field, SecretStr
from stowage_runtime.settings import Words

from api_gateway.mirror.settings import MirrorSettings


class Settings(MirrorSettings):
    """Settings of api-gateway."""

    at_rest_key: SecretStr = Field(description="Encrypts secret keys in the database.")
    seal_public_key_image_store: str = Field(
        description="Seals store secrets and template URLs for image-store."
    )
    seal_public_key_cache_autoscaler: str = Field(
        description="Seals cache store secrets for cache-autoscaler."
    )
    ticket_verify_key: str = Field(description="Given to enrolling agents; checks hop tickets.")
    admin_api_key: SecretStr = Field(
        default=SecretStr(""),
        description="API key of the first admin account; valid while set, none when empty.",
    )
    admin_secret_key: SecretStr = Field(
        default=SecretStr(""), description="Secret key of the first admin account."
    )
    agent_amqp_url: SecretStr = Field(
        default=SecretStr(""),
        description="Broker as agents reach it, without user; the gateway's own when empty.",
    )
    amqp_management_url: SecretStr = Field(
        default=SecretStr(""),
        description="RabbitMQ's management API with a user that may make users; needed to enrol.",
    )
    fetch_allow: Words = Field(
        default=(),
        description="Private networks (CIDR, comma-separated) that user-given URLs may reach; "
        "image-store's setting, which decides: by it the gateway only refuses at once.",
    )
    join_token_seconds: int = Field(
        default=3600, ge=60, description="Life of a host's one-time join token, in seconds."
    )
    feed_seconds: float = Field(
        default=3600, gt=0, description="How long events can be replayed to a stream, in seconds."
    )
    sink_keep_seconds: float = Field(
        default=259_200,
        gt=0,
        description="How long events are kept for a sink that has not taken them, in seconds.",
    )
    sink_allow: Words = Field(
        default=(),
        description="Private networks (CIDR, separated by commas) that webhooks may reach.",
    )
    sinks_per_account: int = Field(
        default=20, ge=0, description="Most sinks of an account that is not an admin's."
    )
    idempotency_seconds: float = Field(
        default=86400, gt=0, description="How long an Idempotency-Key is remembered, in seconds."
    )
    link_seconds: int = Field(
        default=900, ge=1, le=604_800, description="Life of a download link, in seconds."
    )
    longest_link_seconds: int = Field(
        default=86_400, ge=1, le=604_800, description="Longest life one may ask for, in seconds."
    )
    links_seconds: float = Field(
        default=604_800,
        ge=0,
        description="How long a link that ended is told to have ended, in seconds.",
    )
    expunge_seconds: float = Field(
        default=86_400,
        ge=0,
        description="How long a destroyed volume can be recovered, in seconds.",
    )
    job_seconds: float = Field(
        default=86_400,
        gt=0,
        description="How long an ended CloudStack job can be asked for, in seconds.",
    )
    session_seconds: float = Field(
        default=1800,
        gt=0,
        le=604_800,
        description="Life of a login to CloudStack's query API since its last request, in seconds.",
    )
    unanswered_seconds: float = Field(
        default=60, gt=0, description="A copy no owner spoke of for so long says so, in seconds."
    )
    max_wait_seconds: float = Field(
        default=60, gt=0, le=600, description="Longest `wait` of one request, in seconds."
    )
    request_bytes: int = Field(
        default=1 << 20, ge=1 << 16, le=1 << 26, description="Longest body of a request, in bytes."
    )
    requests_per_second: float = Field(
        default=2000, ge=0, description="Requests one API key may make a second; 0 is no limit."
    )
    request_burst: int = Field(
        default=4000, ge=1, description="Requests one API key may make at once, after a pause."
    )
    refused_per_second: float = Field(
        default=20,
        ge=0,
        description="Requests with a wrong API key one address may make a second, ten times as "
        "many at once; 0 is no limit.",
    )
    streams_per_key: int = Field(
        default=2000, ge=0, description="Event streams one API key may have open; 0 is no limit."
    )
