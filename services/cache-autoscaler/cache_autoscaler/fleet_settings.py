"""Settings of fleets of transport VMs: how long what is waited for."""

from pydantic import Field, SecretStr
from stowage_runtime.settings import ServiceSettings

from cache_autoscaler.model.rooms import Patience
from cache_autoscaler.model.vms import Times


class FleetSettings(ServiceSettings):
    """How the controller of fleets behaves; what a fleet itself says is in its own settings."""

    ticket_signing_key: SecretStr = Field(description="Seals its orders to agents.")
    fleet_order_seconds: float = Field(
        default=60, gt=0, description="An order for a transport VM that was not begun lapses then."
    )
    fleet_starting_seconds: float = Field(
        default=300, gt=0, description="A transport VM that does not serve by then has failed."
    )
    fleet_probing_seconds: float = Field(
        default=120, gt=0, description="How long a transport VM may take to prove itself."
    )
    fleet_unwell_seconds: float = Field(
        default=60, gt=0, description="A transport VM that does not answer is replaced then."
    )
    fleet_silent_seconds: float = Field(
        default=30, gt=0, description="A host that tells nothing of its VMs counts as silent then."
    )
    fleet_missing_seconds: float = Field(
        default=12, ge=0, description="A VM its host denies for so long is believed to be gone."
    )
    fleet_stranger_seconds: float = Field(
        default=60, ge=0, description="A VM of our fleets that we do not know is destroyed then."
    )
    fleet_repeat_seconds: float = Field(
        default=30, gt=0, description="Time between two orders to destroy the same VM."
    )
    fleet_back_off_seconds: float = Field(
        default=10, gt=0, description="Wait after a failed spawn; doubled for each further one…"
    )
    fleet_back_off_most_seconds: float = Field(default=600, gt=0, description="…up to this.")
    fleet_breaker_failures: int = Field(
        default=5, ge=1, description="Failed spawns in a row that halt a fleet."
    )
    fleet_halt_seconds: float = Field(
        default=600, gt=0, description="How long a fleet that failed so often spawns nothing."
    )
    fleet_spawn_seconds: float = Field(
        default=60, gt=0, description="What a spawn is taken to last until some were seen."
    )
    fleet_rhythm_days: int = Field(
        default=14, ge=1, le=366, description="Days of which the daily rhythm is the average."
    )

    @property
    def vm_times(self) -> Times:
        """How long a VM may stay in each state."""
        return Times(
            ordered=self.fleet_order_seconds + self.fleet_missing_seconds,
            starting=self.fleet_starting_seconds,
            probing=self.fleet_probing_seconds,
            silent=self.fleet_silent_seconds,
            repeat=self.fleet_repeat_seconds,
        )

    @property
    def patience(self) -> Patience:
        """How long is waited after spawns that failed."""
        return Patience(
            back_off_seconds=self.fleet_back_off_seconds,
            most_back_off_seconds=self.fleet_back_off_most_seconds,
            breaker_failures=self.fleet_breaker_failures,
            halt_seconds=self.fleet_halt_seconds,
        )
