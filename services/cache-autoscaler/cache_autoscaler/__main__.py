"""stowage-cache-autoscaler: run, migrate, check."""

from stowage_contracts.values import ServiceName
from stowage_runtime import plugins
from stowage_runtime.command import ServiceCommand
from stowage_runtime.command import main as run_command
from stowage_runtime.orders import sealer
from stowage_runtime.secrets import Opener, RowCipher
from stowage_runtime.service import Service
from stowage_runtime.signing import Signer, Verifier
from stowage_stores.hosting import Hosted, StoreRow

from cache_autoscaler.deps import Deps
from cache_autoscaler.handlers import HANDLERS, REQUESTS, SIGNALS
from cache_autoscaler.intents import INTENTS
from cache_autoscaler.proving import PROVE
from cache_autoscaler.settings import Settings
from cache_autoscaler.store import secret_row
from cache_autoscaler.timers import TIMERS


def wire(settings: Settings) -> Service[Deps]:
    """Build the service; nothing is opened yet."""
    cipher = RowCipher(settings.at_rest_key)

    def unseal(row: StoreRow) -> bytes:
        return cipher.open(row.sealed, secret_row(row.id))

    selectors = plugins.load("stowage.cache_selector", plugins.instance)
    strategies = plugins.load("stowage.autoscale_strategy", plugins.instance)
    deps = Deps(
        settings=settings,
        stores=Hosted(plugins.load("stowage.data_store_provider", plugins.instance), unseal),
        opener=Opener(settings.seal_private_key_cache_autoscaler),
        cipher=cipher,
        verifier=Verifier(settings.ticket_verify_key),
        selector=selectors.pick(settings.cache_selector),
        strategy=strategies.pick(settings.autoscale_strategy),
        strategies=strategies,
    )
    return Service(
        name=ServiceName.CACHE_AUTOSCALER,
        package="cache_autoscaler",
        deps=deps,
        handlers=HANDLERS,
        requests=REQUESTS,
        signals=SIGNALS,
        intents=(*INTENTS, PROVE),
        timers=TIMERS,
        close=deps.stores.close,
        seal=sealer(Signer(settings.ticket_signing_key)),
    )


def main() -> None:
    """The command's entry point."""
    run_command(ServiceCommand(settings=Settings, wire=wire))


if __name__ == "__main__":
    main()
