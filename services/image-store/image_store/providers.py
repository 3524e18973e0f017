"""What providers are loaded, told to whoever wants to make a store."""

from stowage_contracts.messages.image_store import ProviderOffered
from stowage_runtime.handling.tx import Tx

from image_store.deps import Deps


async def offer(tx: Tx, deps: Deps) -> None:
    """Say each provider that is new or has another form; forget those that are not loaded."""
    known = {row["id"]: row["view"] for row in await tx.rows("providers_known")}
    for view in deps.stores.offered():
        told = view.model_dump(mode="json")
        if known.pop(view.id, None) != told:
            await tx.run("offer_provider", view.id, told)
            await tx.say(ProviderOffered(state=view))
    for gone in known:
        await tx.run("withdraw_provider", gone)
