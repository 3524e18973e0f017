"""Swift's settings say what is wrong before anything is asked, and show no key."""

from typing import Any

import pytest
from pydantic import ValidationError
from stowage_stores.swift import SwiftSettings

GOOD: dict[str, Any] = {
    "auth_url": "https://swift.example:8080/auth/v1.0/",
    "user": "account:user",
    "key": "canary-key",
    "container": "images",
    "temp_url_key": "canary-links",
}


def test_good_settings_are_taken_and_show_no_key() -> None:
    settings = SwiftSettings.model_validate(GOOD | {"prefix": "/cloud/one/"})
    assert settings.auth_url == "https://swift.example:8080/auth/v1.0"
    assert settings.prefix == "cloud/one/"
    assert settings.scheme == "https"
    assert settings.segments_start == "images_segments_"
    assert "canary" not in repr(settings)


def test_the_storage_url_tells_the_scheme_of_grants() -> None:
    assert SwiftSettings.model_validate(GOOD | {"storage_url": "http://in/v1/A"}).scheme == "http"


@pytest.mark.parametrize(
    "other",
    [
        {"auth_url": ""},
        {"auth_url": "ftp://swift.example"},
        {"auth_url": "http://user:pw@swift.example"},
        {"auth_url": "http://swift.example/?x=1"},
        {"container": "a/b"},
        {"container": ""},
        {"segments": "images"},
        {"others": "("},
        {"others": ".*"},
        {"prefix": "../up"},
        {"auth": "password"},
        {"auth": "v2"},
        {"temp_url_key": ""},
        {"segment_bytes": 5},
        {"max_object_bytes": 5 << 40},
        {"unknown": 1},
    ],
)
def test_wrong_settings_are_refused(other: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as caught:
        SwiftSettings.model_validate(GOOD | other)
    assert "canary" not in str(caught.value.errors(include_input=False))
