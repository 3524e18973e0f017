"""What a sealed secret is bound to: opened in any other place it is refused."""

from stowage_contracts.values import ObjectRef


def for_store(store_id: str) -> str:
    """The secrets of an AddStore."""
    return f"image_data_store/{store_id}"


def for_object(what: ObjectRef) -> str:
    """The URL of a Register."""
    return f"{what.noun}/{what.id}"
