"""What accounts may have on image stores."""

from typing import Annotated

from pydantic import Field

from stowage_contracts.messages.image_store.words import Command, Reply, Request
from stowage_contracts.values import Bytes, Id

Limit = Annotated[int, Field(ge=0, le=1 << 62)]


class SetAccountLimit(Command, subject="account/{account_id}"):
    """Bound an account's bytes on image stores: what is there and what is promised to come.

    What is there already stays, however much it is.
    """

    account_id: Id
    max_bytes: Limit | None
    """None: as many as there is room for."""


class CountAccountBytes(Request, subject="account/{account_id}"):
    """How much an account has on image stores now."""

    account_id: Id


class AccountBytesCounted(Reply, subject="account/{account_id}"):
    """Bytes of ready replicas, bytes promised to those that are being made, and the limit."""

    account_id: Id
    ready_bytes: Bytes
    reserved_bytes: Bytes
    max_bytes: Limit | None
