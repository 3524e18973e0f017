"""Domains, accounts, users and their keys by the query API."""

from datetime import datetime
from typing import Any

import pytest

from tests.unit.api_gateway.api import Api
from tests.unit.api_gateway.cloudstack.client import CloudStack
from tests.unit.api_gateway.cloudstack.people import NAMES, PASSWORD, domain, made, person

NEW = {"username": "new", "password": PASSWORD, "accounttype": 0, **NAMES}


def typed(row: dict[str, Any], fields: dict[str, type]) -> None:
    """Exactly these fields, of exactly these types."""
    assert {name: type(value) for name, value in row.items()} == fields


USER = {
    "id": str,
    "username": str,
    "firstname": str,
    "lastname": str,
    "email": str,
    "created": str,
    "state": str,
    "account": str,
    "accountid": str,
    "accounttype": int,
    "usersource": str,
    "roleid": str,
    "roletype": str,
    "rolename": str,
    "domainid": str,
    "domain": str,
    "iscallerchilddomain": bool,
    "isdefault": bool,
    "is2faenabled": bool,
    "is2famandated": bool,
}
ACCOUNT = {
    "id": str,
    "name": str,
    "accounttype": int,
    "roleid": str,
    "roletype": str,
    "rolename": str,
    "domainid": str,
    "domain": str,
    "domainpath": str,
    "state": str,
    "created": str,
    "isdefault": bool,
    "iscleanuprequired": bool,
    "user": list,
}
DOMAIN = {
    "id": str,
    "name": str,
    "level": int,
    "parentdomainid": str,
    "parentdomainname": str,
    "haschild": bool,
    "path": str,
    "state": str,
    "created": str,
}


async def test_an_account_is_made_with_its_user_in_a_domain(cs: CloudStack) -> None:
    sales = await domain(cs, "sales")
    account = await made(cs, "ada", account="adas", domainid=sales, accounttype=2)
    typed(account, ACCOUNT)
    typed(account["user"][0], USER)
    assert datetime.strptime(account["created"], "%Y-%m-%dT%H:%M:%S%z").year >= 2026
    told = {name: account[name] for name in ("name", "accounttype", "roletype", "domainpath")}
    assert told == {
        "name": "adas",
        "accounttype": 2,
        "roletype": "DomainAdmin",
        "domainpath": "ROOT/sales",
    }
    (found,) = await cs.rows("listAccounts", "account", name="adas", listall=True)
    assert found == account
    (counted,) = await cs.rows("listAccounts", "account", id=account["id"], details="all")
    assert (counted["templatelimit"], counted["templatetotal"]) == ("Unlimited", 0)


async def test_domains_are_a_tree(cs: CloudStack) -> None:
    sales = await domain(cs, "sales")
    east = await domain(cs, "east", sales)
    (root, *rest) = await cs.rows("listDomains", "domain")
    assert (root["path"], root["level"], root["haschild"]) == ("ROOT", 0, True)
    assert "parentdomainid" not in root
    assert [(row["path"], row["level"]) for row in rest] == [
        ("ROOT/sales", 1),
        ("ROOT/sales/east", 2),
    ]
    typed(rest[0], DOMAIN)
    children = await cs.rows("listDomainChildren", "domain", id="root")
    assert [row["id"] for row in children] == [sales]
    children = await cs.rows("listDomainChildren", "domain", id="root", isrecursive=True)
    assert [row["id"] for row in children] == [sales, east]
    assert [r["id"] for r in await cs.rows("listDomains", "domain", level=2)] == [east]
    again = await cs.call("createDomain", name="east", parentdomainid=sales)
    assert again.error[0] == 431
    job = await cs.job((await cs.call("deleteDomain", id=east)).body["jobid"])
    assert (job["jobstatus"], job["jobresult"]) == (1, {"success": True})
    assert (await cs.call("deleteDomain", id="root")).error[0] == 431
    assert (await cs.call("createDomain", name="a/b")).error[0] == 431


async def test_what_is_in_use_is_not_deleted(cs: CloudStack, api: Api) -> None:
    sales = await domain(cs, "sales")
    ada = await person(cs, "ada", domainid=sales)
    assert (await cs.call("deleteDomain", id=sales)).error[0] == 431
    new = {"name": "n", "url": "http://u/x", "format": "raw"}
    assert (await api.as_account(ada.cs.api_key).post("/v1/templates", new)).status == 202
    refused = await cs.call("deleteAccount", id=ada.account_id)
    assert refused.error[0] == 431
    assert "templates" in refused.error[1]
    other = await made(cs, "bob", domainid=sales)
    job = await cs.job((await cs.call("deleteAccount", id=other["id"])).body["jobid"])
    assert job["jobstatus"] == 1
    assert await cs.rows("listAccounts", "account", id=other["id"]) == []
    assert (await cs.call("deleteAccount", id="admin")).error[0] == 531


async def test_names_are_taken_once_in_a_domain(cs: CloudStack) -> None:
    sales = await domain(cs, "sales")
    await made(cs, "ada")
    await made(cs, "ada", domainid=sales)
    params = {"password": "x", "accounttype": 0, **NAMES}
    assert (await cs.post("createAccount", username="ada", **params)).error[0] == 431
    other = {**params, "account": "free"}
    assert (await cs.post("createAccount", username="ada", **other)).error[0] == 431
    none = {name: value for name, value in params.items() if name != "accounttype"}
    assert (await cs.post("createAccount", username="eve", **none)).error[0] == 431


async def test_users_are_added_changed_and_deleted(cs: CloudStack) -> None:
    account = await made(cs, "ada")
    user = {"username": "bob", "password": PASSWORD, "account": "ada", **NAMES}
    bob = (await cs.post("createUser", domainid="root", **user)).body["user"]
    typed(bob, USER)
    found = await cs.rows("listUsers", "user", account="ada")
    assert [row["username"] for row in found] == ["ada", "bob"]
    assert (await cs.post("createUser", domainid="root", **user)).error[0] == 431
    changed = (await cs.post("updateUser", id=bob["id"], firstname="Robert")).body["user"]
    assert changed == {**bob, "firstname": "Robert"}
    job = await cs.job((await cs.call("disableUser", id=bob["id"])).body["jobid"])
    assert job["jobresult"]["user"]["state"] == "disabled"
    assert (await cs.call("enableUser", id=bob["id"])).body["user"]["state"] == "enabled"
    assert (await cs.call("deleteUser", id=bob["id"])).body == {"success": True}
    assert len(await cs.rows("listUsers", "user", account="ada")) == 1
    assert account["user"][0]["isdefault"] is True


async def test_new_keys_end_the_old_ones_and_are_shown_once(cs: CloudStack) -> None:
    ada = await person(cs, "ada")
    assert len(await ada.cs.rows("listUsers", "user")) == 1
    whose = await cs.call("getUser", userapikey=ada.cs.api_key)
    assert whose.body["user"]["id"] == ada.user_id
    assert (await cs.call("getUser", userapikey="nobody")).error[0] == 431
    keys = (await ada.cs.post("registerUserKeys", id=ada.user_id)).body["userkeys"]
    typed(keys, {"apikey": str, "secretkey": str})
    assert (await ada.cs.call("listUsers")).error[0] == 401
    newer = cs.as_user(keys["apikey"], keys["secretkey"])
    told = await newer.call("getUserKeys", id=ada.user_id)
    assert told.body["userkeys"] == {"apikeyaccess": "Enabled"}


@pytest.mark.parametrize("lock", [True, False])
async def test_who_is_shut_out_may_nothing_until_it_is_let_in(
    cs: CloudStack, api: Api, lock: bool
) -> None:
    ada = await person(cs, "ada")
    job = await cs.job(
        (await cs.call("disableAccount", id=ada.account_id, lock=lock)).body["jobid"]
    )
    assert job["jobresult"]["account"]["state"] == ("locked" if lock else "disabled")
    assert (await ada.cs.call("listZones")).error[0] == 401
    assert (await api.as_account(ada.cs.api_key).get("/v1/templates")).status == 401
    assert (await cs.call("enableAccount", account="ada", domainid="root")).status == 200
    assert (await ada.cs.call("listZones")).status == 200
    assert (await cs.call("disableAccount", id="admin", lock=False)).error[0] == 531


async def test_a_domain_admin_manages_its_domain_and_below_and_nothing_else(cs: CloudStack) -> None:
    sales = await domain(cs, "sales")
    east = await domain(cs, "east", sales)
    boss = await person(cs, "boss", domainid=sales, accounttype=2)
    below = await person(boss.cs, "below", domainid=east)
    outside = await person(cs, "outside")
    seen = await boss.cs.rows("listAccounts", "account", listall=True)
    assert {row["name"] for row in seen} == {"boss", "below"}
    assert [r["name"] for r in await boss.cs.rows("listAccounts", "account")] == ["boss"]
    assert await boss.cs.rows("listAccounts", "account", id=outside.account_id) == []
    paths = [row["path"] for row in await boss.cs.rows("listDomains", "domain", listall=True)]
    assert paths == ["ROOT/sales", "ROOT/sales/east"]
    renamed = await boss.cs.call("updateAccount", id=below.account_id, newname="under")
    assert renamed.body["account"]["name"] == "under"
    errors = [
        (await boss.cs.call("listUsers", domainid="root")).error[0],
        (await boss.cs.call("listUsers", account="outside", domainid="root")).error[0],
        (await boss.cs.call("deleteAccount", id=outside.account_id)).error[0],
        (await boss.cs.call("registerUserKeys", id=outside.user_id)).error[0],
        (await boss.cs.call("createDomain", name="n", parentdomainid="root")).error[0],
        (await boss.cs.call("updateAccount", id=below.account_id, roleid="root_admin")).error[0],
        (await boss.cs.call("addImageStore", provider="NFS")).error[0],
        (await boss.cs.post("createAccount", accountid="x", **NEW)).error[0],
    ]
    assert errors == [531, 531, 431, 431, 431, 531, 432, 531]


async def test_an_ordinary_user_sees_itself_and_manages_nobody(cs: CloudStack) -> None:
    ada, bob = await person(cs, "ada"), await person(cs, "bob")
    for listed, key in (("listAccounts", "account"), ("listUsers", "user")):
        rows = await ada.cs.rows(listed, key, listall=True)
        assert [row.get("username", row.get("name")) for row in rows] == ["ada"]
    assert (await ada.cs.call("listUsers", account="bob", domainid="root")).error[0] == 531
    assert (await ada.cs.call("updateUser", id=bob.user_id, firstname="x")).error[0] == 431
    assert (await ada.cs.call("listUsers", projectid="p")).status == 200
    for command in ("createAccount", "deleteUser", "createDomain", "listRoles"):
        assert (await ada.cs.call(command)).error[0] == 432, command
    wrong = {"id": ada.user_id, "password": "new"}
    assert (await ada.cs.post("updateUser", **wrong)).error[0] == 431
    assert (await ada.cs.post("updateUser", **wrong, currentpassword="no")).error[0] == 431
    right = await ada.cs.post("updateUser", **wrong, currentpassword=PASSWORD)
    assert right.status == 200


async def test_the_roles_are_three(cs: CloudStack) -> None:
    roles = await cs.rows("listRoles", "role")
    assert {row["type"] for row in roles} == {"Admin", "DomainAdmin", "User"}
    made_so = await made(cs, "ada", accounttype=0)
    assert made_so["roleid"] in {row["id"] for row in roles}
