"""Settings are refused before anything is opened, and never show a secret."""

import pytest
from pydantic import SecretStr, ValidationError
from stowage_stores.directory import DirectorySettings
from stowage_stores.s3 import S3Provider, S3Settings

GOOD = {
    "endpoint": "https://s3.example.org:7480/",
    "bucket": "images",
    "access_key": "AK",
    "secret_key": "canary-secret",
}


@pytest.mark.parametrize("root", ["", "relative", "/", "/a/../b", "/a\0b"])
def test_a_directory_is_an_absolute_path_below_the_root(root: str) -> None:
    with pytest.raises(ValidationError):
        DirectorySettings(root=root)


@pytest.mark.parametrize(
    "wrong",
    [
        {"endpoint": "s3.example.org"},
        {"endpoint": "ftp://s3.example.org"},
        {"endpoint": "https://user:pass@s3.example.org"},
        {"endpoint": "https://h?x=1"},
        {"bucket": "no/slash"},
        {"bucket": ""},
        {"prefix": "a/../b"},
        {"part_bytes": 9 << 20},
        {"part_bytes": 4 << 20},
        {"access_key": ""},
        {"unknown": 1},
        {"addressing": "other"},
    ],
)
def test_wrong_s3_settings_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        S3Settings.model_validate(GOOD | wrong)


def test_s3_settings_are_normalised_and_hide_the_secret() -> None:
    settings = S3Settings.model_validate(GOOD | {"prefix": "/cloud/one/"})
    assert (settings.prefix, settings.scheme) == ("cloud/one/", "https")
    assert settings.endpoint == "https://s3.example.org:7480"
    driver = S3Provider().open(settings)
    for shown in (repr(settings), str(settings), settings.model_dump_json(), repr(vars(driver))):
        assert "canary-secret" not in shown


def test_the_secret_is_found_by_its_type_for_sealing() -> None:
    secret = [n for n, f in S3Settings.model_fields.items() if f.annotation is SecretStr]
    assert secret == ["access_key", "secret_key"]


def test_settings_given_as_plain_json_open_a_driver() -> None:
    assert S3Provider().open(S3Settings.model_validate(GOOD)).can.schemes == ("https",)
