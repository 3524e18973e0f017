"""What is sent to make, change and move a sink."""

from datetime import UTC, datetime
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Self

from pydantic import Field, SecretStr, model_validator
from stowage_contracts.errors import InvalidInput
from stowage_contracts.grants import FetchRules
from stowage_contracts.sinks import SinkFilters, SinkFormat, SinkKind, SinkOptions
from stowage_contracts.values import Id, Instant, Name
from stowage_runtime.crossing import check_crossing
from stowage_runtime.fetch import parse, shown
from stowage_runtime.fetch.addresses import check
from yarl import URL

from api_gateway.accounts import Forbidden, Principal
from api_gateway.bodies import Given
from api_gateway.settings import Settings
from api_gateway.sinks.sending import hinting

LONGEST_URL = 2000
DAY = 86_400.0
_FIRST, _LAST = datetime(1970, 1, 1, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC)
FROM_HERE, FROM_OLDEST = "now", "oldest"


class NewSink(Given, SinkFilters, SinkOptions):
    """A sink to make."""

    id: Id | None = None
    name: Name
    kind: SinkKind
    format: SinkFormat = SinkFormat.CLOUDEVENTS
    url: SecretStr = Field(default=SecretStr(""), max_length=LONGEST_URL)
    """Of a webhook, or of another broker (amqp, amqps) than the service's own."""
    secret: SecretStr | None = Field(default=None, min_length=16, max_length=200)
    """Signs for it; a fresh one is made when it is missing."""
    paused: bool = False
    after: str = Field(default=FROM_HERE, max_length=40)
    """Begin after this event: ``now``, ``oldest`` for all that are kept, or a position."""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if (self.kind is SinkKind.AMQP) != (self.exchange is not None):
            raise ValueError("an amqp sink has an exchange, and a webhook has none")
        if self.kind is SinkKind.WEBHOOK and not self.url.get_secret_value():
            raise ValueError("a webhook has a url")
        if self.kind is SinkKind.AMQP and self.secret is not None:
            raise ValueError("nothing is signed for an amqp sink")
        return self


class SinkChange(Given):
    """What to change of a sink; what is left out stays."""

    name: Name | None = None
    url: SecretStr | None = Field(default=None, max_length=LONGEST_URL)
    nouns: tuple[str, ...] | None = None
    types: tuple[str, ...] | None = None
    of_account: Id | None = None
    batch: int | None = None
    rate: float | None = None
    seconds: float | None = None
    mandatory: bool | None = None
    paused: bool | None = None

    @property
    def given(self) -> dict[str, object]:
        """What is not left out."""
        return {name: getattr(self, name) for name in self.model_fields_set}


class Redelivery(Given):
    """From where a sink is told events (again)."""

    after: str = Field(default="", max_length=40)
    """A position, ``oldest`` or ``now``."""
    since: Instant | None = Field(default=None, ge=_FIRST, le=_LAST)
    """Or the first event at or after this time."""

    @model_validator(mode="after")
    def _one(self) -> Self:
        if bool(self.after) == (self.since is not None):
            raise ValueError("either after or since")
        return self


class Rotation(Given):
    """A new secret."""

    secret: SecretStr | None = Field(default=None, min_length=16, max_length=200)
    """A fresh one is made when it is missing."""
    keep_seconds: float = Field(default=DAY, ge=0, le=30 * DAY)
    """How long the one before signs too."""


def check_target(kind: SinkKind, url: str, principal: Principal, settings: Settings) -> str:
    """The URL as it is shown; raises InvalidInput, Forbidden, SourceRefused."""
    if kind is SinkKind.WEBHOOK:
        return _webhook(url, settings)
    if not principal.admin:
        raise Forbidden("only an admin account may publish on a broker", code="admin_only")
    if url:
        return _broker(url, settings)
    if not settings.amqp_url.get_secret_value():
        raise InvalidInput("there is no broker here", code="broker", hint="give a url")
    return ""


def check_exchange(exchange: str | None, settings: Settings) -> None:
    """Raises InvalidInput for an exchange of the broker's own, or of the service's."""
    if exchange is not None and exchange.startswith((f"{settings.bus_prefix}.", "amq.")):
        raise InvalidInput(
            f"{exchange} is not for sinks", code="exchange", hint="take a name of its own"
        )


def _webhook(url: str, settings: Settings) -> str:
    rules = FetchRules(allow=settings.sink_allow)
    parsed = parse(url, rules)
    host, opened = _address(parsed), False
    if host is not None:
        with hinting():
            check(str(host), rules)
        opened = any(host in ip_network(each, strict=False) for each in settings.sink_allow)
    check_crossing(url, "url", plaintext=settings.plaintext or opened)
    return shown(parsed)


def _address(url: URL) -> IPv4Address | IPv6Address | None:
    """Where the host is one and no name."""
    try:
        return ip_address(url.host or "")
    except ValueError:
        return None


def _broker(url: str, settings: Settings) -> str:
    try:
        parsed = URL(url)
    except ValueError:
        parsed = URL("")
    if parsed.scheme not in {"amqp", "amqps"} or not parsed.host:
        raise InvalidInput(
            "it is no broker's URL", code="url", hint="amqps://user:password@host/vhost"
        )
    check_crossing(url, "url", plaintext=settings.plaintext)
    return shown(parsed)
