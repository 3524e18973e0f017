"""S3Settings: what an S3 store needs to be told."""

import re
from typing import Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator
from stowage_contracts.errors import InvalidInput
from stowage_contracts.keys import check_key
from stowage_contracts.values import TREE_LEAF, Bytes

from stowage_stores.servers import named_server

_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,254}")


class S3Settings(BaseModel):
    """One bucket, or a prefix of one. Both keys are given under ``secrets``."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    endpoint: str
    """``http(s)://host[:port]`` as hosts must reach it too."""
    bucket: str
    """Must exist, unless ``create`` is set."""
    access_key: SecretStr = Field(min_length=1)
    """Names who asks."""
    secret_key: SecretStr
    """Signs what is asked."""
    region: str = "us-east-1"
    """The bucket's own; part of every signature."""
    prefix: str = ""
    """Keys begin with this; several stores may share a bucket by it."""
    addressing: Literal["path", "virtual"] = "path"
    """``path``: endpoint/bucket/key; ``virtual``: bucket.endpoint/key, which needs DNS for it."""
    create: bool = False
    """Make the bucket when the store is added; removed with the store only while empty."""
    acl: Literal[
        "",
        "private",
        "public-read",
        "authenticated-read",
        "bucket-owner-read",
        "bucket-owner-full-control",
    ] = ""
    """Canned ACL of every object written; the bucket's own rules when empty."""
    ca_bundle: str = ""
    """File of trusted certificates; the system's when empty."""
    checksums: Literal["when_required", "when_supported"] = "when_required"
    """botocore's default, when_supported, is refused by older Ceph and others."""
    conditional_commit: bool = True
    """Let the server itself refuse to overwrite (If-None-Match) where it knows how."""
    part_bytes: int = Field(default=8 << 20, ge=8 << 20, le=4 << 30, multiple_of=TREE_LEAF)
    """Smallest part; objects that would need more than 9000 of them get bigger ones."""
    page: int = Field(default=1000, ge=1, le=1000)
    """Rows asked for in one listing request."""
    max_object_bytes: Bytes = Field(default=5 << 40)
    """The server's own limit; larger ones are refused at once."""
    longest_grant_seconds: int = Field(default=6 * 3600, ge=1, le=7 * 86400)
    """No presigned URL lives longer."""
    timeout_seconds: float = Field(default=20, gt=0, le=600)
    """Longest silence of the server within one request."""

    @field_validator("endpoint")
    @classmethod
    def _plain_address(cls, endpoint: str) -> str:
        at = urlsplit(endpoint)
        if at.scheme not in ("http", "https") or not at.hostname:
            raise ValueError("an http or https address")
        if at.username or at.password or at.query or at.fragment:
            raise ValueError("an address without user, password, query or fragment")
        return endpoint.rstrip("/")

    @field_validator("bucket")
    @classmethod
    def _bucket_name(cls, bucket: str) -> str:
        if not _BUCKET.fullmatch(bucket):
            raise ValueError("not a bucket's name")
        return bucket

    @field_validator("prefix")
    @classmethod
    def _whole_folder(cls, prefix: str) -> str:
        plain = prefix.strip("/")
        try:
            return f"{check_key(plain)}/" if plain else ""
        except InvalidInput as error:
            raise ValueError(error.cause) from None

    @property
    def server(self) -> str:
        """Endpoint and user without telling either: buckets of both alike copy from each other."""
        return named_server("s3", self.endpoint, self.access_key.get_secret_value())

    @property
    def scheme(self) -> str:
        """Transport scheme of the grants."""
        return urlsplit(self.endpoint).scheme
