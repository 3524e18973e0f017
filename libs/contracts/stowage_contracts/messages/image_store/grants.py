"""Grants: redeemed by agents, given to clients as links and uploads, revoked."""

from stowage_contracts.errors import Problem
from stowage_contracts.grants import FetchRules, Grant
from stowage_contracts.messages.image_store.words import Command, Reply, Request
from stowage_contracts.values import Bytes, Digest, GrantRef, Id, Instant, Name, ObjectRef, Secret


class RedeemGrant(Request, subject="grant/{grant_id}"):
    """An agent exchanges a signed ticket for the grant's secret; also renews it.

    Asked of the grant's owner: image-store or cache-autoscaler.
    """

    grant_id: Id
    ticket: Secret
    first_part: int = 1
    """For multipart writes: the first part number wanted…"""
    part_count: int = 0
    """…and how many; 0 asks for the session and its journal only."""
    size: Bytes | None = None
    """For writes: the length, once the source told it."""
    grows: bool = False
    """The length isn't known: ``size`` bytes are to be promised for now, more will be asked."""


class GrantRedeemed(Reply, subject="grant/{grant_id}"):
    """The grant itself; transient, never logged or stored."""

    grant_id: Id
    grant: Grant
    digest: Digest | None = None
    """Tree digest the stored object has, where known."""
    rules: FetchRules | None = None
    """Set for user-given URLs: open them through the guarded fetcher only."""


class ReleaseGrants(Command, subject="grant/{grant.id}"):
    """A hop ended without commit: revoke its grant, abort what it wrote."""

    grant: GrantRef
    epoch: int
    damaged: Problem | None = None
    """Of a grant to read a cache entry: the bytes were not those of its digest. Nobody gets the
    entry any more, and whoever asks for the space again fills it anew."""


class MakeLink(Request, subject="link/{link_id}"):
    """A download link to one object; asked again for the same id it is made anew until it ends."""

    link_id: Id
    object: ObjectRef
    account_id: Id
    seconds: int
    """Life of the link from its first making; capped by image-store's settings."""
    file_name: Name = "image"
    store_id: Id | None = None
    """Only of this store."""


class LinkMade(Reply, subject="link/{link_id}"):
    """Transient, never logged or stored."""

    link_id: Id
    store_id: Id
    url: Secret
    expires: Instant


class RevokeLink(Command, subject="link/{link_id}"):
    """Give no more access by this link. A presigned URL that was handed out lives to its end."""

    link_id: Id


class OpenUpload(Request, subject="{object.noun}/{object.id}"):
    """Where the owner of a registered object sends its bytes; asked again it goes on."""

    object: ObjectRef
    account_id: Id
    first_part: int = 1
    part_count: int = 0
    door: bool = False
    """One door is wanted, whatever the store speaks: the sender knows no parts."""


class UploadOpened(Reply, subject="{object.noun}/{object.id}"):
    """Part URLs and the parts that arrived (``grant``), or one door that takes ranges (``url``)."""

    object: ObjectRef
    grant: Grant | None = None
    url: Secret | None = None
    expires: Instant


class TakeUpload(Request, subject="grant/{grant_id}"):
    """An agent's door has taken all of an upload; idempotent."""

    grant_id: Id
    ticket: Secret
    """The LinkTicket it was sent under."""
    size: Bytes


class UploadTaken(Reply, subject="grant/{grant_id}"):
    """It is being committed, verified and judged."""

    grant_id: Id
