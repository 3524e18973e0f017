"""Logins of people: the cookie, its key, and whoever guesses."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import aiohttp
import pytest
from api_gateway.deps import Deps
from stowage_runtime.http.server import HttpServer
from stowage_runtime.testing.bench import ServiceBench

from tests.unit.api_gateway.cloudstack.client import CloudStack, Reply
from tests.unit.api_gateway.cloudstack.people import PASSWORD, domain, made


@pytest.fixture
async def browser(server: HttpServer[Deps], cs: CloudStack) -> AsyncIterator[CloudStack]:
    """Has a cookie jar of its own and no keys."""
    jar = aiohttp.CookieJar(unsafe=True)
    base = f"http://127.0.0.1:{server.port}"
    async with aiohttp.ClientSession(base, cookie_jar=jar) as session:
        yield replace(cs, session=session)


async def said(browser: CloudStack, command: str, **params: Any) -> Reply:
    """Unsigned, by POST."""
    sent = {"command": command, "response": "json", **params}
    return await browser.send({name: str(value) for name, value in sent.items()}, post=True)


async def login(browser: CloudStack, name: str = "ada", password: str = PASSWORD) -> Reply:
    return await said(browser, "login", username=name, password=password)


def cookies(browser: CloudStack) -> dict[str, str]:
    return {cookie.key: cookie.value for cookie in browser.session.cookie_jar}


async def test_a_login_opens_a_session(cs: CloudStack, browser: CloudStack) -> None:
    await made(cs, "ada")
    reply = await login(browser)
    assert (reply.status, reply.envelope) == (200, "loginresponse")
    assert {name: type(value) for name, value in reply.body.items()} == {
        "username": str,
        "userid": str,
        "domainid": str,
        "timeout": int,
        "account": str,
        "firstname": str,
        "lastname": str,
        "type": str,
        "registered": str,
        "sessionkey": str,
        "is2faenabled": str,
        "is2faverified": str,
        "passwordchangerequired": bool,
    }
    assert set(cookies(browser)) == {"JSESSIONID", "sessionkey"}
    key = reply.body["sessionkey"]
    (account,) = (await said(browser, "listAccounts", sessionkey=key)).body["account"]
    assert account["name"] == "ada"


async def test_the_cookie_alone_ends_the_session(cs: CloudStack, browser: CloudStack) -> None:
    await made(cs, "ada")
    key = (await login(browser)).body["sessionkey"]
    assert (await said(browser, "listUsers")).error[0] == 401
    assert (await said(browser, "listUsers", sessionkey=key)).error[0] == 401


async def test_a_logout_ends_it(cs: CloudStack, browser: CloudStack) -> None:
    await made(cs, "ada")
    key = (await login(browser)).body["sessionkey"]
    kept = cookies(browser)
    reply = await said(browser, "logout", sessionkey=key)
    assert (reply.envelope, reply.body) == ("logoutresponse", {"description": "success"})
    assert cookies(browser) == {}
    browser.session.cookie_jar.update_cookies(kept)
    assert (await said(browser, "listUsers", sessionkey=key)).error[0] == 401


async def test_a_domain_is_named_by_path_or_id(cs: CloudStack, browser: CloudStack) -> None:
    east = await domain(cs, "east", await domain(cs, "sales"))
    await made(cs, "ada", domainid=east)
    assert (await login(browser)).error[0] == 531
    for where in ({"domain": "/sales/east/"}, {"domain": "ROOT/sales/east"}, {"domainId": east}):
        reply = await said(browser, "login", username="ada", password=PASSWORD, **where)
        assert reply.body["domainid"] == east, where


async def test_login_is_sent_by_post(browser: CloudStack) -> None:
    sent = {"command": "login", "username": "a", "password": "b", "response": "json"}
    assert (await browser.send(sent)).error[0] == 405


@pytest.mark.parametrize("name", ["ada", "nobody", "admin", "bell\x07"])
async def test_wrong_words_open_nothing(cs: CloudStack, browser: CloudStack, name: str) -> None:
    await made(cs, "ada")
    reply = await login(browser, name, "wrong")
    assert reply.envelope == "loginresponse"
    assert reply.error[0] == (431 if "\x07" in name else 531)
    assert cookies(browser) == {}


async def test_who_guesses_has_to_wait_and_the_right_word_does_not_help(
    cs: CloudStack, browser: CloudStack
) -> None:
    await made(cs, "ada")
    await made(cs, "bob")
    guesses = [(await login(browser, "ada", f"guess {n}")).error[0] for n in range(6)]
    assert guesses == [531] * 5 + [429]
    assert (await login(browser)).error[0] == 429
    assert (await login(browser, "bob")).status == 200


async def test_a_new_password_or_a_lock_ends_the_sessions(
    cs: CloudStack, browser: CloudStack
) -> None:
    account = await made(cs, "ada")
    (user,) = account["user"]
    key = (await login(browser)).body["sessionkey"]
    assert (await cs.post("updateUser", id=user["id"], password="new")).status == 200
    assert (await said(browser, "listUsers", sessionkey=key)).error[0] == 401
    assert (await login(browser)).error[0] == 531
    key = (await login(browser, password="new")).body["sessionkey"]
    await cs.call("lockAccount", account="ada", domainid="root")
    assert (await said(browser, "listUsers", sessionkey=key)).error[0] == 401
    assert (await login(browser, password="new")).error[0] == 531


async def test_a_user_has_only_so_many_sessions(
    cs: CloudStack, browser: CloudStack, bench: ServiceBench[Deps]
) -> None:
    await made(cs, "ada")
    first = (await login(browser)).body["sessionkey"]
    oldest = cookies(browser)
    for _ in range(20):
        assert (await login(browser)).status == 200
    browser.session.cookie_jar.update_cookies(oldest)
    assert (await said(browser, "listUsers", sessionkey=first)).error[0] == 401


async def test_no_password_is_kept_as_it_is(cs: CloudStack, bench: ServiceBench[Deps]) -> None:
    await made(cs, "ada")
    async with bench.desk.transaction() as tx:
        row = await tx.row("login", "ada", "root")
    assert row is not None
    scheme, n, r, p, _, _ = row["password"].split("$")
    assert (scheme, n, r, p) == ("scrypt", "16384", "8", "1")
    assert PASSWORD not in row["password"]


async def test_sessions_and_failures_are_forgotten_when_they_are_over(
    cs: CloudStack, browser: CloudStack, bench: ServiceBench[Deps]
) -> None:
    await made(cs, "ada")
    key = (await login(browser)).body["sessionkey"]
    for n in range(5):
        await login(browser, "ada", f"guess {n}")
    assert (await login(browser)).error[0] == 429
    await bench.pass_time(timedelta(hours=1))
    await bench.run_timers("forget")
    assert (await said(browser, "listUsers", sessionkey=key)).error[0] == 401
    assert (await login(browser)).status == 200
