"""One request as sent: GET or POST, its parameters merged."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from urllib.parse import parse_qsl, urlsplit

from stowage_runtime.http import Call

from api_gateway.cloudstack.errors import MALFORMED, Refused

MOST_PARAMETERS = 2000


@dataclass(frozen=True)
class Request:
    """What was sent; nothing of it is believed yet."""

    call: Call
    sent: Mapping[str, str]
    """Names as sent, which is what was signed."""
    params: Mapping[str, str]
    """The same by lower-case name."""

    @classmethod
    def of(cls, call: Call) -> "Request":
        """Raises Refused for what cannot be read."""
        pairs = [*_pairs(urlsplit(call.target).query), *_pairs(_form(call))]
        lower = {name.partition("[")[0].lower() + _index(name): value for name, value in pairs}
        return cls(call, MappingProxyType(dict(pairs)), MappingProxyType(lower))

    @property
    def command(self) -> str:
        """As sent; empty without one."""
        return self.params.get("command", "")

    @property
    def json(self) -> bool:
        """Whether to answer JSON; XML is CloudStack's default."""
        return self.params.get("response", "").lower() == "json"


def _index(name: str) -> str:
    _, bracket, rest = name.partition("[")
    return bracket + rest


def _form(call: Call) -> str:
    try:
        return bytes(call.body or b"").decode()
    except UnicodeDecodeError:
        raise Refused(MALFORMED, "the body is not a form") from None


def _pairs(text: str) -> list[tuple[str, str]]:
    try:
        return parse_qsl(
            text, keep_blank_values=True, max_num_fields=MOST_PARAMETERS, errors="strict"
        )
    except ValueError:
        raise Refused(MALFORMED, "the parameters cannot be read") from None
