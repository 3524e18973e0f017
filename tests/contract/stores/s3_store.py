"""A driver on a bucket of the test's S3 server."""

from typing import Any

from pydantic import SecretStr
from stowage_stores.s3 import S3Driver, S3Provider, S3Settings

from tests.servers.s3 import S3Server


def s3_driver(server: S3Server, bucket: str, **other: Any) -> S3Driver:
    """Small pages and parts, so that little data reaches the second of each."""
    told: dict[str, Any] = {
        "endpoint": server.endpoint,
        "bucket": bucket,
        "region": server.region,
        "access_key": SecretStr(server.access_key),
        "secret_key": SecretStr(server.secret_key),
        "page": 5,
        "part_bytes": 8 << 20,
    }
    return S3Provider().open(S3Settings.model_validate(told | other))
