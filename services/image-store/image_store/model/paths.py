"""Names of objects on a store: CloudStack's layout, with ids only."""

from stowage_contracts.values import ObjectKind

_FOLDER = {
    ObjectKind.TEMPLATE: "template/tmpl",
    ObjectKind.ISO: "template/tmpl",
    ObjectKind.VOLUME: "volumes",
    ObjectKind.SNAPSHOT: "snapshots",
}


def install_path(kind: ObjectKind, account_id: str, object_id: str, suffix: str) -> str:
    """``template/tmpl/<account>/<id>/<id>.<suffix>``, and the same below volumes and snapshots."""
    return f"{_FOLDER[kind]}/{account_id}/{object_id}/{object_id}.{suffix}"
