"""What the API answers beyond the public states of the nouns."""

from typing import Generic, TypeVar

from stowage_contracts.values import Id, Secret, Value
from stowage_contracts.views import HopView, HostView, StrategyAnswer, TemplateView

T = TypeVar("T")


class Page(Value, Generic[T]):
    """One page of a list."""

    items: tuple[T, ...]
    next: str | None = None


class RegisteredTemplate(TemplateView):
    """A template and the copy that fetches it."""

    copy_id: Id


class AnnouncedHost(HostView):
    """A host and the one-time token its agent joins with."""

    join_token: Secret


class Explanation(Value):
    """Why a copy goes the way it goes."""

    copy_id: Id
    state: str
    strategy: str
    answers: tuple[StrategyAnswer, ...] = ()
    hops: tuple[HopView, ...] = ()
    waiting_for: str = ""


class KeyPair(Value):
    """A new account's keys, shown once."""

    id: Id
    account_id: Id
    api_key: Secret
    secret_key: Secret
