"""What an S3 server answers becomes a code an operator can act on."""

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, ReadTimeoutError, SSLError
from stowage_contracts.errors import NotFound, OutOfSpace, Retry, StowageError, Unavailable
from stowage_stores.s3.errors import from_presigned, translated


def raised(error: Exception) -> StowageError:
    with pytest.raises(StowageError) as caught, translated("images/x"):
        raise error
    return caught.value


def answered(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "told so"}}, "HeadObject")


@pytest.mark.parametrize(
    ("code", "ours"),
    [
        ("NoSuchBucket", "unavailable.bucket"),
        ("InvalidAccessKeyId", "unavailable.access_key"),
        ("SignatureDoesNotMatch", "unavailable.secret_key"),
        ("AccessDenied", "unavailable.denied"),
        ("403", "unavailable.denied"),
        ("RequestTimeTooSkewed", "unavailable.clock_skew"),
        ("AuthorizationHeaderMalformed", "unavailable.region"),
        ("PermanentRedirect", "unavailable.region"),
        ("SlowDown", "unavailable.busy"),
        ("InternalError", "unavailable.store"),
        ("NoSuchKey", "not_found"),
        ("404", "not_found"),
        ("QuotaExceeded", "out_of_space"),
        ("507", "out_of_space"),
        ("EntityTooLarge", "invalid.too_large"),
    ],
)
def test_every_answer_has_its_own_code(code: str, ours: str) -> None:
    error = raised(answered(code))
    assert (error.code, error.resource) == (ours, "images/x")
    assert "told so" in error.cause


@pytest.mark.parametrize(
    ("status", "body", "ours"),
    [
        (
            400,
            b"<Error><Code>AuthorizationQueryParametersError</Code></Error>",
            "unavailable.region",
        ),
        (403, b"<Error><Code>SignatureDoesNotMatch</Code></Error>", "unavailable.secret_key"),
        (403, b"no xml", "unavailable.denied"),
        (502, b"", "unavailable.presigned"),
        (400, b"<Code>Other</Code>", "unavailable.presigned"),
    ],
)
def test_answers_to_presigned_requests_have_the_same_codes(
    status: int, body: bytes, ours: str
) -> None:
    assert from_presigned(status, body, "images/x").code == ours


def test_classes_carry_what_may_be_tried_next() -> None:
    assert isinstance(raised(answered("404")), NotFound)
    assert isinstance(raised(answered("QuotaExceeded")), OutOfSpace)
    assert raised(answered("SlowDown")).retry is Retry.AGAIN


@pytest.mark.parametrize(
    ("error", "ours"),
    [
        (EndpointConnectionError(endpoint_url="https://h"), "unavailable.endpoint"),
        (ReadTimeoutError(endpoint_url="https://h"), "unavailable.timeout"),
        (SSLError(endpoint_url="https://h", error=OSError("x")), "unavailable.tls"),
        (FileNotFoundError("/no/bundle"), "unavailable.tls"),
    ],
)
def test_a_server_that_does_not_answer_is_unavailable(error: Exception, ours: str) -> None:
    found = raised(error)
    assert isinstance(found, Unavailable)
    assert found.code == ours
