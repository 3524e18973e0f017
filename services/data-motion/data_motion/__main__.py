"""stowage-data-motion: run, migrate, check."""

from stowage_contracts.values import ServiceName
from stowage_runtime import plugins
from stowage_runtime.command import ServiceCommand
from stowage_runtime.command import main as run_command
from stowage_runtime.orders import sealer
from stowage_runtime.service import Service
from stowage_runtime.signing import Signer

from data_motion.deps import Deps
from data_motion.endpoints.choosing import pick
from data_motion.handlers import HANDLERS, REQUESTS, SIGNALS
from data_motion.intents import INTENTS
from data_motion.model.limits import Rules
from data_motion.settings import Settings
from data_motion.store import ahead
from data_motion.timers import TIMERS


def wire(settings: Settings) -> Service[Deps]:
    """Build the service; nothing is opened yet."""
    signer = Signer(settings.ticket_signing_key)
    selectors = plugins.load("stowage.endpoint_selector", plugins.instance)
    deps = Deps(
        strategies=plugins.load("stowage.data_motion_strategy", plugins.instance),
        selector=pick(selectors, settings.endpoint_selector),
        rules=Rules(settings.limits, signer.sign),
        keep_days=settings.keep_days,
    )
    return Service(
        name=ServiceName.DATA_MOTION,
        package="data_motion",
        deps=deps,
        handlers=HANDLERS,
        ahead=ahead,
        requests=REQUESTS,
        signals=SIGNALS,
        intents=INTENTS,
        timers=TIMERS,
        seal=sealer(signer),
    )


def main() -> None:
    """The command's entry point."""
    run_command(ServiceCommand(settings=Settings, wire=wire))


if __name__ == "__main__":
    main()
