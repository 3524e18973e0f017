"""What an S3 server's and botocore's errors mean to Stowage; no key ever gets into one."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    ReadTimeoutError,
    SSLError,
)
from stowage_contracts.errors import InvalidInput, NotFound, OutOfSpace, StowageError, Unavailable

_KNOWN: dict[str, tuple[type[StowageError], str, str]] = {
    "NoSuchKey": (NotFound, "", ""),
    "404": (NotFound, "", ""),
    "NoSuchBucket": (Unavailable, "bucket", "create the bucket, or correct its name"),
    "InvalidAccessKeyId": (Unavailable, "access_key", "the server does not know it"),
    "SignatureDoesNotMatch": (Unavailable, "secret_key", "it does not fit the access key"),
    "AccessDenied": (Unavailable, "denied", "allow it in the user's or bucket's policy"),
    "403": (Unavailable, "denied", "allow it in the user's or bucket's policy"),
    "RequestTimeTooSkewed": (Unavailable, "clock_skew", "set the clocks of both machines"),
    "AuthorizationHeaderMalformed": (Unavailable, "region", "set the bucket's own region"),
    "AuthorizationQueryParametersError": (Unavailable, "region", "set the bucket's own region"),
    "IllegalLocationConstraintException": (Unavailable, "region", "set the bucket's own region"),
    "InvalidLocationConstraint": (Unavailable, "region", "set the server's own region"),
    "PermanentRedirect": (Unavailable, "region", "set the bucket's own region and endpoint"),
    "301": (Unavailable, "region", "set the bucket's own region and endpoint"),
    "BucketAlreadyExists": (Unavailable, "bucket_taken", "it is another user's; name another"),
    "InvalidObjectState": (Unavailable, "archived", "restore it from its archive class first"),
    "AccessControlListNotSupported": (Unavailable, "acl", "leave the setting acl empty"),
    "MissingContentLength": (Unavailable, "checksums", "set checksums to when_required"),
    "411": (Unavailable, "checksums", "set checksums to when_required"),
    "NotImplemented": (Unavailable, "unsupported", "the server does not know this call"),
    "QuotaExceeded": (OutOfSpace, "", "raise the quota or delete objects"),
    "InsufficientStorage": (OutOfSpace, "", "free space on the store"),
    "XMinioStorageFull": (OutOfSpace, "", "free space on the store"),
    "507": (OutOfSpace, "", "free space on the store"),
    "EntityTooLarge": (InvalidInput, "too_large", "the store does not take objects so large"),
    "SlowDown": (Unavailable, "busy", "the server asks for less"),
}
_LONGEST = 4096


def code_of(error: ClientError) -> str:
    """The server's own code, or the HTTP status where it sent none (HEAD)."""
    return str(error.response.get("Error", {}).get("Code", ""))


@contextmanager
def translated(resource: str) -> Iterator[None]:
    """Turns what botocore raises inside into a StowageError about ``resource``."""
    try:
        yield
    except ClientError as error:
        raise from_client(error, resource) from None
    except BotoCoreError as error:
        raise _from_botocore(error, resource) from None
    except OSError as error:  # an unreadable CA bundle
        raise Unavailable(str(error), resource=resource, code="tls") from None


def from_client(error: ClientError, resource: str) -> StowageError:
    """The StowageError for an error the server answered."""
    code, answer = code_of(error), _answer(error)
    if code not in _KNOWN:
        return Unavailable(answer, resource=resource, code="store", s3_code=code)
    return _known(code, answer, resource)


def from_presigned(status: int, body: bytes, resource: str) -> StowageError:
    """The same for what was answered to a presigned request."""
    told = re.search(rb"<Code>(\w{1,64})</Code>", body[:_LONGEST])
    code = told[1].decode() if told else str(status)
    if code not in _KNOWN:
        return Unavailable(f"answered {status} {code}", resource=resource, code="presigned")
    return _known(code, f"a presigned request was answered {code}", resource)


def _known(code: str, answer: str, resource: str) -> StowageError:
    kind, ours, hint = _KNOWN[code]
    return kind(answer, resource=resource, code=ours, hint=hint)


def _answer(error: ClientError) -> str:
    told: dict[str, Any] = dict(error.response.get("Error", {}))
    return f"{told.get('Code', '?')}: {told.get('Message') or error.operation_name}"


def _from_botocore(error: BotoCoreError, resource: str) -> Unavailable:
    if isinstance(error, SSLError):
        return Unavailable(
            "TLS failed",
            resource=resource,
            code="tls",
            hint="is the certificate known? Give ca_bundle",
        )
    slow = isinstance(error, ConnectTimeoutError | ReadTimeoutError)
    cause = "no answer in time" if slow else f"cannot connect ({type(error).__name__})"
    return Unavailable(
        cause,
        resource=resource,
        code="timeout" if slow else "endpoint",
        hint="is the endpoint right, and the server up?",
    )
