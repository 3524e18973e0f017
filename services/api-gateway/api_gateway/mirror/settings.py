"""Settings of the mirror of a CloudStack; it is off without a broker or an API to follow."""

from pydantic import Field, SecretStr
from stowage_runtime.settings import ServiceSettings

from api_gateway.mirror.rules import Rule


class MirrorSettings(ServiceSettings):
    """What the gateway needs to follow a CloudStack."""

    mirror_amqp_url: SecretStr = Field(
        default=SecretStr(""),
        description="Broker that CloudStack publishes its events to, as amqp(s)://user:password"
        "@host/vhost; without one, and with an API, everything is polled.",
    )
    mirror_exchange: str = Field(
        default="cloudstack-events",
        pattern=r"^[A-Za-z0-9_.:-]{1,200}$",
        description="The topic exchange of CloudStack's events.",
    )
    mirror_binding: str = Field(
        default="management-server.*.*.*.*",
        max_length=255,
        description="Which events are taken: source.category.type.resource.uuid.",
    )
    mirror_queue_length: int = Field(
        default=100_000,
        ge=1,
        description="Events kept while no gateway runs, and entities that wait to be looked at; "
        "beyond it the oldest events go, and sweeps make up for them.",
    )
    mirror_api_url: str = Field(
        default="",
        description="CloudStack's API, as https://host/client/api; the mirror is off without.",
    )
    mirror_api_key: SecretStr = Field(
        default=SecretStr(""), description="API key of a root admin of CloudStack; it only reads."
    )
    mirror_secret_key: SecretStr = Field(
        default=SecretStr(""), description="The secret key that signs for it."
    )
    mirror_api_seconds: float = Field(
        default=30, gt=0, description="Deadline of one question to CloudStack, in seconds."
    )
    mirror_api_rate: float = Field(
        default=5, gt=0, description="Most questions to CloudStack in a second, of one gateway."
    )
    mirror_api_page: int = Field(
        default=500, ge=1, description="Rows of one answer; CloudStack's default.page.size at most."
    )
    mirror_parallel: int = Field(
        default=4, ge=1, le=64, description="How many entities are looked at side by side."
    )
    mirror_settle_seconds: float = Field(
        default=1, ge=0, description="Events of one entity within so many seconds are one look."
    )
    mirror_poll_seconds: float = Field(
        default=300, gt=0, description="How often zones, pods, clusters and hosts are looked at."
    )
    mirror_sweep_seconds: float = Field(
        default=3600, gt=0, description="How often all templates, volumes and snapshots are."
    )
    mirror_patience_seconds: float = Field(
        default=3600, gt=0, description="A look that fails for so long is given up and shown."
    )
    mirror_rules: tuple[Rule, ...] = Field(
        default=(),
        description="Which events do what, as JSON: "
        '`[{"event": "VOLUME.*", "action": "ignore"}]`; the first that fits.',
    )
    mirror_dry_run: bool = Field(
        default=False, description="Say what would be done (`GET /v1/mirror/entities`); do nothing."
    )

    @property
    def mirrors(self) -> bool:
        """Whether there is a CloudStack to follow."""
        return bool(self.mirror_api_url)
