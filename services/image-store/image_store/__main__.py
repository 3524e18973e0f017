"""stowage-image-store: run, migrate, check."""

from stowage_contracts import sealing
from stowage_contracts.values import ServiceName
from stowage_runtime import plugins
from stowage_runtime.command import ServiceCommand
from stowage_runtime.command import main as run_command
from stowage_runtime.orders import sealer
from stowage_runtime.secrets import Opener, RowCipher
from stowage_runtime.service import Service
from stowage_runtime.signing import Signer, Verifier
from stowage_stores.hosting import Hosted

from image_store.deps import Deps
from image_store.handlers import HANDLERS, REQUESTS, SIGNALS
from image_store.intents.kinds import INTENTS
from image_store.settings import Settings
from image_store.timers import TIMERS


def wire(settings: Settings) -> Service[Deps]:
    """Build the service; nothing is opened yet."""
    cipher = RowCipher(settings.at_rest_key)
    providers = plugins.load("stowage.data_store_provider", plugins.instance)
    stores = Hosted(providers, lambda row: cipher.open(row.sealed, sealing.for_store(row.id)))
    signer = Signer(settings.ticket_signing_key)
    deps = Deps(
        settings=settings,
        stores=stores,
        cipher=cipher,
        opener=Opener(settings.seal_private_key_image_store),
        signer=signer,
        verifier=Verifier(settings.ticket_verify_key),
        installers=plugins.load("stowage.template_install_strategy", plugins.instance),
    )
    return Service(
        name=ServiceName.IMAGE_STORE,
        package="image_store",
        deps=deps,
        handlers=HANDLERS,
        requests=REQUESTS,
        signals=SIGNALS,
        intents=INTENTS,
        timers=TIMERS,
        seal=sealer(signer),
        close=stores.close,
    )


def main() -> None:
    """The command's entry point."""
    run_command(ServiceCommand(settings=Settings, wire=wire))


if __name__ == "__main__":
    main()
