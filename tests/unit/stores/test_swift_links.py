"""Links are signed as Swift checks them; the account's other key is left alone."""

import hashlib
import hmac
from urllib.parse import parse_qs, urlsplit

import pytest
from stowage_contracts.errors import Conflict
from stowage_stores.swift.tempurl import Link, TempUrls

from tests.unit.stores.fake_swift import FakeSwift, connected

FIRST, SECOND = "X-Account-Meta-Temp-Url-Key", "X-Account-Meta-Temp-Url-Key-2"


async def test_a_link_is_signed_over_method_expiry_and_plain_path() -> None:
    async with connected(FakeSwift()) as connection:
        url = await TempUrls(connection).link(Link("GET", "/c/a b", 60, "secret"))
    at = urlsplit(url.get_secret_value())
    asked = {name: values[0] for name, values in parse_qs(at.query).items()}
    assert at.path == "/v1/AUTH_a/c/a%20b"
    text = f"GET\n{asked['temp_url_expires']}\n/v1/AUTH_a/c/a b"
    signature = hmac.new(b"secret", text.encode(), hashlib.sha1).hexdigest()
    assert asked["temp_url_sig"] == signature
    assert "secret" not in repr(Link("GET", "/c/a b", 60, "secret"))


@pytest.mark.parametrize(
    ("there", "posts"),
    [({}, 1), ({FIRST: "other"}, 1), ({FIRST: "other", SECOND: "links"}, 0), ({FIRST: "links"}, 0)],
)
async def test_a_key_is_left_where_there_is_room(there: dict[str, str], posts: int) -> None:
    fake = FakeSwift(headers=there)
    async with connected(fake) as connection:
        links = TempUrls(connection)
        assert await links.key() == await links.key() == "links"
    assert [method for method, _ in fake.seen] == ["HEAD"] + ["POST"] * posts


async def test_keys_of_others_are_never_replaced() -> None:
    fake = FakeSwift(headers={FIRST: "one", SECOND: "two"})
    async with connected(fake) as connection:
        with pytest.raises(Conflict) as caught:
            await TempUrls(connection).key()
    assert caught.value.code == "conflict.temp_url_key"
    assert "links" not in str(caught.value.problem)
