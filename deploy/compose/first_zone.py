"""Announces, once, a zone with one host and an image store; leaves the agent its join token."""

from __future__ import annotations

import json
import os
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError
from botocore.session import get_session

SECRETS = Path("/var/lib/stowage/secrets")
AGENT = Path("/var/lib/stowage/agent")
TOKEN = AGENT / "stowage_agent_join_token"
SECONDS = 90
ZONE: tuple[tuple[str, dict[str, str]], ...] = (
    ("zones", {"id": "zone1", "name": "zone1"}),
    ("pods", {"id": "pod1", "name": "pod1", "zone_id": "zone1"}),
    ("clusters", {"id": "cluster1", "name": "cluster1", "pod_id": "pod1", "hypervisor": "KVM"}),
)
HOST = {"id": "host1", "name": "host1", "hypervisor": "KVM", "cluster_id": "cluster1"}


class Taken(Exception):
    """What was to be made is there already."""


def call(method: str, path: str, body: dict[str, Any] | None = None) -> Any:
    """One request to the gateway. Raises Taken, or HTTPError after its answer was shown."""
    api_key = os.environ.get("STOWAGE_ADMIN_API_KEY")
    api_key = api_key or (SECRETS / "stowage_admin_api_key").read_text()
    request = urllib.request.Request(  # noqa: S310 - the address is the operator's own
        f"{os.environ['STOWAGE_URL']}/v1/{path}",
        method=method,
        data=json.dumps(body).encode() if body else None,
        headers={"Authorization": f"Bearer {api_key}", "Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=SECONDS) as answer:  # noqa: S310
            return json.load(answer)
    except urllib.error.HTTPError as error:
        if error.code == 409:
            raise Taken(path) from None
        sys.stderr.write(f"{method} {path}: {error.code} {error.read().decode()}\n")
        raise


def add(path: str, body: dict[str, Any]) -> Any:
    """Make it; None when it is there."""
    try:
        return call("POST", path, body)
    except Taken:
        return None


def image_store() -> dict[str, Any]:
    """The S3 bucket that was set, else a directory that image-store and the agent both mount."""
    given = {name: os.environ.get(f"STOWAGE_S3_{name.upper()}", "") for name in S3}
    store = {"id": "images", "name": "images"}
    if not given["endpoint"]:
        zone = {"scope": "zone", "scope_id": "zone1"}
        root = {"root": "/var/lib/stowage/images"}
        return {**store, **zone, "provider": "directory", "settings": root}
    make_bucket(given)
    hidden = {name: given.pop(name) for name in ("access_key", "secret_key")}
    return {**store, "provider": "S3", "settings": given, "secrets": hidden}


S3 = ("endpoint", "bucket", "region", "access_key", "secret_key")


def make_bucket(given: dict[str, str]) -> None:
    """Make the bucket if there is none."""
    client: Any = get_session().create_client(
        "s3",
        endpoint_url=given["endpoint"],
        region_name=given["region"],
        aws_access_key_id=given["access_key"],
        aws_secret_access_key=given["secret_key"],
    )
    try:
        client.head_bucket(Bucket=given["bucket"])
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] != 404:
            raise
        client.create_bucket(Bucket=given["bucket"])


def settle_store() -> None:
    """Add the store and wait for its probe. Exits when it failed."""
    add("stores", image_store())
    store = call("GET", "stores/images?wait=60")
    if store["state"] != "Up":
        sys.exit(f"image store: {json.dumps(store['error'])}")


def announce_host() -> None:
    """Leave a join token that works, unless the agent has enrolled."""
    if (AGENT / "identity.json").exists():
        return
    made = add("hosts", HOST) or call("POST", f"hosts/{HOST['id']}/token")
    new = TOKEN.with_suffix(".new")
    new.touch(mode=0o600)
    new.write_text(made["join_token"])
    new.replace(TOKEN)


def main() -> None:
    """All of it; what is there stays."""
    for path, body in ZONE:
        add(path, body)
    settle_store()
    announce_host()


if __name__ == "__main__":
    main()
