"""What a command says of a template or ISO beside its bytes."""

from typing import Any

from api_gateway.cloudstack.asks import Ask
from api_gateway.cloudstack.describing import Change
from api_gateway.cloudstack.errors import FORBIDDEN, PARAMETER, Refused
from api_gateway.cloudstack.images.kinds import ISO, Kind

_KEPT = (
    "displaytext",
    "ostypeid",
    "passwordenabled",
    "bootable",
    "requireshvm",
    "sshkeyenabled",
    "isdynamicallyscalable",
    "templatetag",
    "templatetype",
    "arch",
    "bits",
    "deployasis",
    "forcks",
    "sortkey",
    "isrouting",
)
_ADMINS = ("templatetag", "isrouting")
_TYPES = ("USER", "VNF", "SYSTEM", "ROUTING", "BUILTIN", "PERHOST", "DATADISK", "ISODISK")
_OF_USERS = ("USER", "VNF")
_ARCHES = ("x86_64", "i686", "aarch64", "s390x")
_BITS = (32, 64)


def first(kind: Kind, ask: Ask) -> Change:
    """Of a new one, with what holds when nothing is said; raises Refused (431, 531)."""
    check(ask)
    if ask.flag("isfeatured") and not ask.caller.admin:
        raise Refused(PARAMETER, "only a root admin may feature what others see")
    usual: dict[str, Any] = {
        "bootable": True,
        "passwordenabled": False,
        "isdynamicallyscalable": False,
        "arch": "x86_64",
        "bits": 64,
        "templatetype": "USER",
    }
    if kind is not ISO:
        usual |= {"requireshvm": True, "sshkeyenabled": False, "deployasis": False, "forcks": False}
    return Change(
        public=bool(ask.flag("ispublic")),
        featured=bool(ask.flag("isfeatured")),
        extractable=bool(ask.flag("isextractable")),
        attributes={**usual, **_told(ask)},
    )


def later(ask: Ask) -> Change:
    """Of one that is there; raises Refused (431, 531)."""
    check(ask)
    told = _told(ask)
    if ask.flag("cleanupdetails"):
        told["details"] = None
    return Change(attributes=told)


def check(ask: Ask) -> None:
    """Raises Refused for words that are none, and for those only admins may say."""
    for name in _ADMINS:
        if ask.values.get(name) and not ask.caller.admin:
            raise Refused(FORBIDDEN, f"only a root admin may say {name}")
    kind = ask.text("templatetype").upper()
    if kind and kind not in _TYPES:
        raise Refused(PARAMETER, f"templatetype is one of {', '.join(_TYPES)}")
    if kind and kind not in _OF_USERS and not ask.caller.admin:
        raise Refused(PARAMETER, f"users may say templatetype {' or '.join(_OF_USERS)}")
    if ask.text("arch") and ask.text("arch") not in _ARCHES:
        raise Refused(PARAMETER, f"arch is one of {', '.join(_ARCHES)}")
    if ask.number("bits") not in (None, *_BITS):
        raise Refused(PARAMETER, "bits is 32 or 64")


def _told(ask: Ask) -> dict[str, Any]:
    told = {name: ask.values[name] for name in _KEPT if name in ask.values}
    if "templatetype" in told:
        told["templatetype"] = told["templatetype"].upper()
    if ask.pairs("details"):
        told["details"] = ask.pairs("details")
    return told
