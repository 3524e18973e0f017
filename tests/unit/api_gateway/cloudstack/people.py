"""People of the tests: domains, accounts and users made through the query API."""

from dataclasses import dataclass
from typing import Any

from tests.unit.api_gateway.cloudstack.client import CloudStack

PASSWORD = "correct horse"
NAMES = {"email": "a@example.org", "firstname": "Ada", "lastname": "L"}


@dataclass(frozen=True)
class Person:
    """An account with one user who has keys."""

    cs: CloudStack
    account_id: str
    user_id: str
    name: str
    domain_id: str


async def domain(cs: CloudStack, name: str, parent: str = "root") -> str:
    reply = await cs.post("createDomain", name=name, parentdomainid=parent)
    assert reply.status == 200, reply
    return str(reply.body["domain"]["id"])


async def made(cs: CloudStack, name: str, **given: Any) -> dict[str, Any]:
    """createAccount's answer."""
    params = {"username": name, "password": PASSWORD, "accounttype": 0, **NAMES, **given}
    reply = await cs.post("createAccount", **params)
    assert reply.status == 200, reply
    account: dict[str, Any] = reply.body["account"]
    return account


async def person(cs: CloudStack, name: str, **given: Any) -> Person:
    account = await made(cs, name, **given)
    (user,) = account["user"]
    keys = (await cs.post("registerUserKeys", id=user["id"])).body["userkeys"]
    signed = cs.as_user(keys["apikey"], keys["secretkey"])
    return Person(signed, account["id"], user["id"], name, account["domainid"])
