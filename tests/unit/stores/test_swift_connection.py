"""Tokens are renewed, what may pass is tried again, and no key gets into an error."""

import asyncio

import pytest
from pydantic import SecretStr
from stowage_contracts.errors import Conflict, NotFound, OutOfSpace, StowageError, Unavailable
from stowage_stores.swift.http import Ask
from stowage_stores.swift.limits import Limits

from tests.unit.stores.fake_swift import FakeSwift, connected

HEAD = Ask("HEAD", "/c")


async def test_one_token_serves_many_requests() -> None:
    fake = FakeSwift()
    async with connected(fake) as connection:
        await asyncio.gather(*(connection.call(HEAD, "c") for _ in range(5)))
    assert fake.logins == 1


async def test_a_refused_token_is_renewed_once() -> None:
    fake = FakeSwift()
    async with connected(fake) as connection:
        await connection.call(HEAD, "c")
        fake.revoked = True
        await connection.call(HEAD, "c")
        assert fake.logins == 2
        fake.answers = [401, 401]
        with pytest.raises(Unavailable) as caught:
            await connection.call(HEAD, "c")
    assert caught.value.code == "unavailable.auth"


async def test_what_may_pass_is_tried_again() -> None:
    fake = FakeSwift(answers=[503, 500])
    async with connected(fake) as connection:
        assert (await connection.call(HEAD, "c")).status == 204
    assert len(fake.seen) == 3


async def test_a_wrong_key_is_told_without_the_key() -> None:
    async with connected(FakeSwift(), key=SecretStr("canary")) as connection:
        with pytest.raises(Unavailable) as caught:
            await connection.call(HEAD, "c")
    assert caught.value.code == "unavailable.auth"
    assert "canary" not in str(caught.value.problem)


@pytest.mark.parametrize(
    ("status", "kind"),
    [(404, NotFound), (403, Unavailable), (412, Conflict), (413, OutOfSpace), (507, OutOfSpace)],
)
async def test_an_answer_becomes_an_error(status: int, kind: type[StowageError]) -> None:
    async with connected(FakeSwift(answers=[status] * 3)) as connection:
        with pytest.raises(kind):
            await connection.call(HEAD, "c")


async def test_an_allowed_answer_is_no_error() -> None:
    async with connected(FakeSwift(answers=[404])) as connection:
        assert (await connection.call(HEAD, "c", 404)).status == 404


async def test_odd_names_travel_quoted() -> None:
    fake = FakeSwift()
    async with connected(fake) as connection:
        await connection.call(Ask("PUT", "/c/a b?c#d%e/ä", {"prefix": "x&y"}), "c")
    assert fake.seen == [("PUT", "/v1/AUTH_a/c/a%20b%3Fc%23d%25e/%C3%A4?prefix=x%26y")]


async def test_a_silent_server_is_given_up() -> None:
    async with connected(FakeSwift(), auth_url="http://127.0.0.1:9/auth/v1.0") as connection:
        with pytest.raises(Unavailable) as caught:
            await connection.call(HEAD, "c")
    assert caught.value.code == "unavailable.endpoint"


async def test_a_server_that_says_nothing_of_itself_has_the_usual_limits() -> None:
    async with connected(FakeSwift()) as connection:
        assert await connection.limits() == Limits()


async def test_a_url_given_wins_over_the_one_told() -> None:
    async with connected(FakeSwift(), storage_url="https://far/swift/v1") as connection:
        assert await connection.signed_path("/c/k") == ("https://far", "/swift/v1/c/k")
