"""Log lines carry service and trace, and no secret gets through."""

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from pydantic import SecretStr
from stowage_runtime.settings import ServiceSettings
from stowage_runtime.telemetry import span, start_tracing
from stowage_runtime.telemetry.logs import name_service, start_logs
from stowage_runtime.telemetry.redaction import Redactor
from structlog.contextvars import clear_contextvars

CANARY = "c4n4ry-5ecret"
OTHER = "an0ther-c4n4ry"
SETTINGS = ServiceSettings.read(
    amqp_url=f"amqp://user:{CANARY}@rabbit/", database_url="", log_format="json"
)


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    before = (root.handlers[:], root.level)
    stream = io.StringIO()
    start_logs(SETTINGS, stream, hide=[OTHER])
    yield stream
    root.handlers[:], level = before
    root.setLevel(level)
    structlog.reset_defaults()
    clear_contextvars()


def last(stream: io.StringIO) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(stream.getvalue().splitlines()[-1])
    return found


def test_a_line_names_its_service_and_trace(lines: io.StringIO) -> None:
    start_tracing("test")
    name_service("image-store")
    with span("work"):
        structlog.get_logger("x").info("store.added", store_id="s1")
    line = last(lines)
    assert (line["service"], line["event"], line["level"]) == ("image-store", "store.added", "info")
    assert line["store_id"] == "s1"
    assert len(line["trace_id"]) == 32


def test_libraries_write_the_same_kind_of_line(lines: io.StringIO) -> None:
    logging.getLogger("some.library").warning("lost %s", "it", extra={"attempt": 3})
    line = last(lines)
    assert (line["event"], line["level"], line["attempt"]) == ("lost it", "warning", 3)


def test_chatty_libraries_are_heard_only_when_it_matters(lines: io.StringIO) -> None:
    logging.getLogger("aio_pika").info("connected")
    assert lines.getvalue() == ""


def test_a_secret_setting_is_hidden_wherever_it_appears(lines: io.StringIO) -> None:
    logging.getLogger("lib").error("refused for %s", CANARY)
    assert CANARY not in lines.getvalue()


def test_other_values_may_be_hidden_too(lines: io.StringIO) -> None:
    structlog.get_logger("x").info("ticket", text=f"has {OTHER} in it")
    assert last(lines)["text"] == "has [hidden] in it"


def test_exceptions_are_written_without_their_secrets(lines: io.StringIO) -> None:
    try:
        raise ValueError(f"bad url http://me:{CANARY}@host/ Authorization: Bearer abc.def")
    except ValueError:
        structlog.get_logger("x").exception("failed")
    assert "Traceback" in last(lines)["exception"]
    assert CANARY not in lines.getvalue()
    assert "abc.def" not in lines.getvalue()


@pytest.mark.parametrize(
    "text",
    [
        f"https://user:{CANARY}@host/path",
        f"https://{CANARY}@host/path",
        f"https://s3/b/k?X-Amz-Credential=AKIA&X-Amz-Signature={CANARY}&partNumber=1",
        f"https://s3/b/k?x-amz-security-token={CANARY}",
        f"https://swift/v1/a/c/o?temp_url_sig={CANARY}&temp_url_expires=1",
        f"https://s3/b/k?AWSAccessKeyId=AK&Signature={CANARY}",
        f"/client/api?command=listZones&apikey={CANARY}",
        f"Authorization: Bearer {CANARY}",
        f"Authorization: AWS4-HMAC-SHA256 Credential=AK/x, Signature={CANARY}",
        f"{{'Authorization': 'Basic {CANARY}'}}",
        f'{{"authorization": "{CANARY}"}}',
        f"X-Auth-Token: {CANARY}",
        f"Cookie: session={CANARY}; other={CANARY}",
        f"sent Bearer {CANARY}",
    ],
)
def test_what_looks_like_a_secret_is_hidden_in_text(text: str) -> None:
    assert CANARY not in Redactor().text(text)


@pytest.mark.parametrize(
    "value",
    [
        {"headers": {"Authorization": CANARY}},
        {"nested": [{"password": CANARY}]},
        {"a": SecretStr(CANARY)},
        {"secret_key": CANARY},
        {"ticket": CANARY},
        (f"http://a:{CANARY}@b",),
        ValueError(f"http://a:{CANARY}@b"),
    ],
)
def test_values_are_searched_through(value: Any) -> None:
    assert CANARY not in str(Redactor().value(value))


def test_ordinary_text_stays_readable() -> None:
    text = "GET https://host:8080/v1/stores?limit=3 answered 200 for key images/a.qcow2"
    assert Redactor().text(text) == text


def test_the_host_of_a_url_with_a_password_stays_readable() -> None:
    assert Redactor().text("amqp://u:p@rabbit/vhost") == "amqp://[hidden]@rabbit/vhost"


def test_short_values_do_not_blank_everything() -> None:
    assert Redactor(["a", ""]).text("a banana") == "a banana"
