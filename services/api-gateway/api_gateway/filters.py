"""Which of a list: what lists of every noun can be asked for."""

from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import AfterValidator, AwareDatetime
from stowage_contracts.values import Id, Name

from api_gateway.resources import Asks, Match, PageQuery

_FIRST, _LAST = datetime(1970, 1, 1, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC)


def _kept(when: datetime) -> datetime:
    """As a database can keep it."""
    if not _FIRST <= when <= _LAST:
        raise ValueError("a time is from 1970 to 9999")
    return when.astimezone(UTC)


When = Annotated[AwareDatetime, AfterValidator(_kept)]
"""A time with its zone, as in 2026-03-01T12:00:00Z."""


class TimedQuery(PageQuery):
    """When it was created."""

    created_after: When | None = None
    """At that time or later."""
    created_before: When | None = None

    def asks(self) -> Asks:
        """What the fields ask for."""
        return Asks(
            account_id=getattr(self, "account_id", None),
            name=getattr(self, "name", None),
            since=self.created_after or _FIRST,
            before=self.created_before,
            any_of=self.any_of(),
        )

    def any_of(self) -> list[Match]:
        """Parts of states, one of which each state has."""
        return [{}]

    def given(self, *fields: str) -> dict[str, Any]:
        """Those of the fields that were given, as states have them."""
        return self.model_dump(mode="json", include=set(fields), exclude_none=True)


class NamedQuery(TimedQuery):
    """…and its name."""

    name: Name | None = None
    """The whole name."""


class OwnedQuery(TimedQuery):
    """…and whose it is."""

    account_id: Id | None = None
    """Of one account and nobody else; another's than the caller's is for operators."""
