"""Which addresses need TLS, and what is said of one that lacks it."""

import pytest
from stowage_contracts.errors import InvalidInput
from stowage_runtime.crossing import check_crossing, server_tls


@pytest.mark.parametrize(
    "url",
    [
        "amqp://guest:guest@127.0.0.1:5672/",
        "amqp://guest:guest@localhost/",
        "amqp://guest:guest@[::1]/",
        "amqps://guest:guest@broker.example/",
        "https://gateway.example",
        "postgresql://stowage@localhost/stowage",
        "postgresql://stowage@/stowage?host=/run/postgresql",
        "postgresql:///stowage",
        "postgresql://stowage@db.example/stowage?sslmode=verify-full",
        "",
    ],
)
def test_what_stays_on_the_host_or_has_tls_passes(url: str) -> None:
    check_crossing(url, "STOWAGE_X", plaintext=False)


@pytest.mark.parametrize(
    ("url", "hint"),
    [
        ("amqp://guest:hidden@broker.example/", "amqps://"),
        ("amqp://guest:hidden@10.0.0.7/", "amqps://"),
        ("http://gateway.example", "https://"),
        ("postgresql://stowage:hidden@db.example/stowage", "sslmode=verify-full"),
        ("postgresql://stowage:hidden@db.example/stowage?sslmode=prefer", "sslmode=verify-full"),
        ("postgresql://stowage:hidden@localhost/stowage?host=db.example", "sslmode=verify-full"),
    ],
)
def test_what_crosses_hosts_in_the_clear_is_refused(url: str, hint: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        check_crossing(url, "STOWAGE_X", plaintext=False)
    assert caught.value.code == "invalid.plaintext"
    assert hint in caught.value.hint
    assert "hidden" not in str(caught.value.problem)
    check_crossing(url, "STOWAGE_X", plaintext=True)


def test_a_certificate_that_is_not_there_is_named() -> None:
    with pytest.raises(InvalidInput) as caught:
        server_tls("nowhere.pem", "")
    assert caught.value.resource == "nowhere.pem"
    assert server_tls("", "") is None
