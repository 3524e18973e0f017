"""What a sealed secret is bound to: opened in any other place it is refused."""


def for_store(store_id: str) -> str:
    """The secrets of an AddStore."""
    return f"image_data_store/{store_id}"


def for_template(template_id: str) -> str:
    """The URL of a RegisterTemplate."""
    return f"template/{template_id}"
