"""Every setting of data-motion."""

from pydantic import Field, SecretStr
from stowage_runtime.settings import ServiceSettings

from data_motion.model.limits import Limits


class Settings(ServiceSettings):
    """What data-motion takes from the environment."""

    ticket_signing_key: SecretStr = Field(
        description="Private Ed25519 key that signs hop tickets (`python -m stowage_runtime.keys`)."
    )
    endpoint_selector: str = Field(
        "",
        description="Plug-in that chooses among agents able to do a hop; the installed one of "
        "highest priority when empty.",
    )
    offer_seconds: float = Field(
        10, gt=0, description="An offer no agent took up by then goes to another."
    )
    lease_seconds: float = Field(
        20, ge=5, description="A hop whose agent is silent this long goes to another."
    )
    stall_seconds: float = Field(
        30,
        gt=0,
        description="An agent that moves no byte this long gives the hop up; after twice as long "
        "it is taken away. There is no limit on the whole time.",
    )
    host_return_seconds: float = Field(
        600, gt=0, description="How long a hop waits for the only host that can do it."
    )
    wait_seconds: float = Field(86400, gt=0, description="How long a hop waits for a slot.")
    cache_wait_seconds: float = Field(
        3600, gt=0, description="How long a copy waits for space on a cache store."
    )
    commit_seconds: float = Field(
        3600, gt=0, description="How long the answer to a commit is asked for again."
    )
    max_attempts: int = Field(
        6, ge=1, description="Tries in a row without a new byte before a copy fails."
    )
    store_slots: int = Field(8, ge=1, description="Hops at once that read or write one store.")
    zone_slots: int = Field(32, ge=1, description="Hops at once in one zone.")
    account_slots: int = Field(
        24,
        ge=1,
        description="Hops at once of one account, so that hung sources of one cannot hold all.",
    )
    pause_seconds: float = Field(
        30 * 86400, gt=0, description="A copy that stays paused longer than this fails."
    )
    fanout_children: int = Field(
        2,
        ge=1,
        le=64,
        description="Hosts one host feeds with an image that many want. They stand in a chain "
        "while that is short for the image, so this counts for small images and many hosts only.",
    )
    keep_days: float = Field(30, gt=0, description="How long finished copies are kept.")

    @property
    def limits(self) -> Limits:
        """The numbers the rules need."""
        names = set(Limits.__dataclass_fields__) & set(type(self).model_fields)
        return Limits(**{name: getattr(self, name) for name in names})
