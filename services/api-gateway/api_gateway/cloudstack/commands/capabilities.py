"""listCapabilities: what this gateway is and does."""

from stowage_contracts.values import ScopeType, StoreRole

from api_gateway.cloudstack.answers import Answer, One
from api_gateway.cloudstack.asks import PAGE, Ask
from api_gateway.cloudstack.command import Command
from api_gateway.cloudstack.writing import VERSION
from api_gateway.routes.objects.bodies import LARGEST

_LEAST_GIB, _MOST_GIB = 1, LARGEST >> 30


async def list_capabilities(ask: Ask) -> Answer:
    """Tell what the gateway does."""
    async with ask.desk.transaction() as tx:
        stores = [row["state"] for row in await tx.rows("places", "store")]
    rate = ask.deps.settings.requests_per_second
    return One(
        {
            "cloudstackversion": VERSION,
            "securitygroupsenabled": False,
            "dynamicrolesenabled": False,
            "userpublictemplateenabled": True,
            "supportELB": "false",
            "projectinviterequired": False,
            "allowusercreateprojects": False,
            "customdiskofferingminsize": _LEAST_GIB,
            "customdiskofferingmaxsize": _MOST_GIB,
            "regionsecondaryenabled": any(map(_reaches_all, stores)),
            "kvmsnapshotenabled": True,
            "snapshotshowchainsize": False,
            "allowuserviewdestroyedvm": False,
            "allowuserexpungerecovervm": False,
            "allowuserexpungerecovervolume": False,
            "allowuserviewalldomainaccounts": False,
            "allowuserforcestopvm": False,
            "kubernetesserviceenabled": False,
            "kubernetesclusterexperimentalfeaturesenabled": False,
            "defaultuipagesize": PAGE,
            "apilimitinterval": 1 if rate else None,
            "apilimitmax": int(rate) if rate else None,
            "instanceleaseenabled": False,
            "dynamicscalingenabled": False,
            "additionalconfigenabled": False,
        }
    )


def _reaches_all(store: dict[str, object]) -> bool:
    """Whether it is an image store of the whole region."""
    scope = store["scope"]
    wide = isinstance(scope, dict) and scope["type"] == ScopeType.REGION
    return store["role"] == StoreRole.IMAGE and wide and store["state"] != "Removed"


COMMANDS = (Command("listCapabilities", list_capabilities),)
