"""SwiftSettings: what a Swift store needs to be told."""

import re
from typing import Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator
from stowage_contracts.errors import InvalidInput
from stowage_contracts.keys import RESERVED, check_key
from stowage_contracts.values import TREE_LEAF, Bytes

from stowage_stores.servers import named_server

_OWN = ("template", "volumes", "snapshots", RESERVED)


class SwiftSettings(BaseModel):
    """One container, or a prefix of one. Both keys are given under ``secrets``."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    auth_url: str
    """``http(s)://host[:port]/auth/v1.0``, or Keystone's ``http(s)://host[:port]/v3``."""
    auth: Literal["v1", "password", "application_credential"] = "v1"
    """``v1`` for tempauth and Ceph; the others ask Keystone v3."""
    user: str = Field(min_length=1)
    """``account:user`` for v1, a user's name, or an application credential's id."""
    key: SecretStr
    """The user's key or password, or the application credential's secret."""
    user_domain: str = "Default"
    """Keystone: name of the domain the user belongs to."""
    project: str = ""
    """Keystone: name of the project whose account it is; not for application credentials."""
    project_domain: str = "Default"
    """Keystone: name of the domain the project belongs to."""
    region: str = ""
    """Keystone: region of the endpoint; the catalogue's first when empty."""
    interface: Literal["public", "internal", "admin"] = "public"
    """Keystone: which endpoint of the catalogue; hosts must reach it too."""
    storage_url: str = ""
    """The account's address as hosts reach it; what the server tells when empty."""
    container: str = Field(min_length=1, max_length=200, pattern=r"^[^/?#]+$")
    """Must exist, unless ``create`` is set."""
    segments: str = Field(default="", max_length=200, pattern=r"^[^/?#]*$")
    """What containers of segments are called, one per object; ``<container>_segments`` if empty."""
    prefix: str = ""
    """Keys begin with this; several stores may share a container by it."""
    others: str = Field(default="", max_length=200)
    """Names (a regular expression) of more containers of the account, whose objects are keys that
    begin with the container's name: found there and read, never listed or written."""
    create: bool = False
    """Make the container when the store is added."""
    policy: str = Field(default="", max_length=100, pattern=r"^[!-~]*$")
    """Storage policy of the containers that are made; the server's own default when empty."""
    temp_url_key: SecretStr = Field(min_length=1)
    """Signs links; Stowage leaves it with the account by itself, beside one that is there."""
    ca_bundle: str = ""
    """File of trusted certificates; the system's when empty."""
    conditional_commit: bool = True
    """Let the server itself refuse to overwrite (If-None-Match) where it knows how."""
    segment_bytes: int = Field(default=32 << 20, ge=4 << 20, le=4 << 30, multiple_of=TREE_LEAF)
    """Smallest segment; objects that would need too many of them get bigger ones."""
    page: int = Field(default=10_000, ge=1, le=10_000)
    """Rows asked for in one listing request."""
    max_object_bytes: Bytes = Field(default=1 << 40, le=4 << 40)
    """Larger ones are refused at once: 1000 segments of 5 GiB are as much as Swift takes."""
    longest_grant_seconds: int = Field(default=6 * 3600, ge=1, le=7 * 86400)
    """No link lives longer."""
    timeout_seconds: float = Field(default=20, gt=0, le=600)
    """Longest silence of the server within one request."""

    @field_validator("auth_url", "storage_url")
    @classmethod
    def _plain_address(cls, address: str) -> str:
        if not address:
            return address
        at = urlsplit(address)
        if at.scheme not in ("http", "https") or not at.hostname:
            raise ValueError("an http or https address")
        if at.username or at.password or at.query or at.fragment:
            raise ValueError("an address without user, password, query or fragment")
        return address.rstrip("/")

    @field_validator("others")
    @classmethod
    def _an_expression(cls, others: str) -> str:
        try:
            own = [name for name in _OWN if re.fullmatch(others, name)]
        except re.error as error:
            raise ValueError(f"not a regular expression: {error}") from None
        if own:
            raise ValueError(f"also names {own[0]}, with which keys of our own begin")
        return others

    @field_validator("prefix")
    @classmethod
    def _whole_folder(cls, prefix: str) -> str:
        plain = prefix.strip("/")
        try:
            return f"{check_key(plain)}/" if plain else ""
        except InvalidInput as error:
            raise ValueError(error.cause) from None

    @model_validator(mode="after")
    def _told_enough(self) -> "SwiftSettings":
        if not self.auth_url:
            raise ValueError("auth_url: an http or https address")
        if self.auth == "password" and not self.project:
            raise ValueError("project: Keystone needs the project's name")
        if self.segments == self.container:
            raise ValueError("segments: must not be the container itself")
        return self

    @property
    def server(self) -> str:
        """Address and account without telling either: its containers copy from each other."""
        owner = self.user if self.auth != "password" else f"{self.project_domain}/{self.project}"
        return named_server("swift", self.auth_url, self.region, owner)

    @property
    def placed(self) -> dict[str, str]:
        """Headers with which a container is made."""
        return {"X-Storage-Policy": self.policy} if self.policy else {}

    @property
    def scheme(self) -> str:
        """Transport scheme of the grants."""
        return urlsplit(self.storage_url or self.auth_url).scheme

    @property
    def segments_start(self) -> str:
        """What the names of all containers of segments begin with."""
        return f"{self.segments or f'{self.container}_segments'}_"
