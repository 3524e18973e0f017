"""Rows of links: what was asked for, without its URL."""

import structlog
from asyncpg import Record
from stowage_contracts.errors import NotFound
from stowage_contracts.values import Id, Instant, Name, ObjectRef, Value
from stowage_runtime.handling.tx import Tx
from stowage_runtime.http import Call

from api_gateway.bodies import is_id

_log = structlog.get_logger(__name__)


class Gone(NotFound):
    """The link has ended."""

    status = 410


class LinkView(Value):
    """A download link to one object, for one method, until it expires; its URL is made when asked
    (``GET /v1/links/{id}``)."""

    id: Id
    account_id: Id
    object: ObjectRef
    method: str = "GET"
    file_name: Name
    made: Instant
    expires: Instant
    revoked: Instant | None = None

    @classmethod
    def of(cls, row: Record) -> "LinkView":
        """Of its row."""
        what = ObjectRef(kind=row["kind"], id=row["object_id"])
        return cls.model_validate({**dict(row), "object": what})


async def own_link(call: Call, tx: Tx) -> LinkView:
    """The link ``id``, whether it has ended or not; raises NotFound, also for what is others'."""
    link_id = call.path["id"]
    row = await tx.row("link", link_id, call.principal.sees) if is_id(link_id) else None
    if row is None:
        raise NotFound("no such link", resource=f"link/{link_id[:64]}")
    return LinkView.of(row)


def check_lives(link: LinkView, tx: Tx) -> None:
    """Raises Gone once it was revoked or has expired."""
    if link.revoked is not None:
        raise ended(link.id, "revoked")
    if link.expires <= tx.now:
        raise ended(link.id, "expired")


def ended(link_id: str, how: str) -> Gone:
    """What whoever asks for a link that ended is told."""
    return Gone(
        f"the link was {how}" if how == "revoked" else f"the link has {how}",
        resource=f"link/{link_id}",
        code=f"link_{how}",
        hint="make another one",
    )


def audit(what: str, link: LinkView, call: Call) -> None:
    """Who gave access to what, and who took it; never the URL."""
    about = {"link": link.id, "object": str(link.object), "expires": link.expires.isoformat()}
    _log.info(what, account=call.principal.account_id, remote=call.remote, **about)
