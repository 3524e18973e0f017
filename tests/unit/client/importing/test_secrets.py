"""Secrets are opened by the ciphers CloudStack has had, and repeated by nobody."""

from pathlib import Path

import pytest
from stowage_client.importing.ciphers import opened
from stowage_client.importing.dsn import Dsn
from stowage_client.importing.keys import DatabaseKey, from_properties
from stowage_contracts.errors import InvalidInput

KEY, SECRET = "password-of-db", "s3-secret-canary"
DES = "AQIDBAUGBwgcG/zo9bWyZp1QO6zmJgfocOOhGm0L5EQ="
GCM = "AAECAwQFBgcICQoLmeUhxsY12qAuoP5xk5LWJc7pjRjxOHE/Syq8JQ8Ewqk="
"""Made by Java's own PBEWithMD5AndDES and AES/GCM, laid out as jasypt and Tink do."""


@pytest.mark.parametrize(("text", "version"), [(DES, ""), (DES, "V1"), (GCM, ""), (GCM, "v2")])
def test_both_ciphers_are_opened(text: str, version: str) -> None:
    assert opened(text, KEY, version=version) == SECRET


@pytest.mark.parametrize(
    ("text", "key", "version"),
    [
        (DES, "another", ""),
        (GCM, "another", ""),
        (GCM, KEY, "V1"),
        (DES, KEY, "V2"),
        ("not base64!", KEY, ""),
        ("AAAA", KEY, ""),
        (SECRET, KEY, ""),
    ],
)
def test_what_the_key_does_not_open_is_refused_unrepeated(
    text: str, key: str, version: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        opened(text, key, version=version)
    assert refused.value.code == "invalid.cipher"
    assert text not in str(refused.value.problem)
    assert key not in str(refused.value.problem)


def test_another_cipher_is_refused_by_its_name() -> None:
    with pytest.raises(InvalidInput, match="'V3'"):
        opened(GCM, KEY, version="V3")


def _properties(folder: Path, **told: str) -> Path:
    path = folder / "db.properties"
    lines = [f"{name.replace('_', '.')}={text}" for name, text in told.items()]
    path.write_text("# comment\n\n" + "\n".join(lines) + "\n")
    return path


@pytest.mark.parametrize("secret", [f"ENC({DES})", f"ENC({GCM})", SECRET])
def test_a_management_servers_properties_give_the_key(tmp_path: Path, secret: str) -> None:
    told = {"db_cloud_encryption_type": "file", "db_cloud_encrypt_secret": secret}
    path = _properties(tmp_path, **told, db_cloud_encryptor_version="V2")
    assert from_properties(path, KEY) == DatabaseKey(secret=SECRET, version="V2")


def test_a_cloud_that_does_not_encrypt_needs_no_key(tmp_path: Path) -> None:
    key = from_properties(_properties(tmp_path, db_cloud_encryption_type="none"), "")
    assert (key.plain, key.open("as it is")) == (True, "as it is")


@pytest.mark.parametrize(
    ("told", "key", "code"),
    [
        ({"db_cloud_encryption_type": "vault"}, KEY, "invalid.cipher"),
        ({"db_cloud_encryption_type": "file"}, KEY, "invalid.key"),
        (
            {"db_cloud_encryption_type": "file", "db_cloud_encrypt_secret": f"ENC({DES})"},
            "",
            "invalid.key",
        ),
    ],
)
def test_properties_that_give_no_key_say_what_is_missing(
    tmp_path: Path, told: dict[str, str], key: str, code: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        from_properties(_properties(tmp_path, **told), key)
    assert refused.value.code == code


def test_properties_that_are_not_there_are_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="cannot be read"):
        from_properties(tmp_path / "none", "")


def test_a_dsn_tells_where_and_hides_its_password() -> None:
    dsn = Dsn.parse("mysql://cloud:canary@db.example/?ssl_ca=/ca.pem")
    assert (dsn.host, dsn.port, dsn.user, dsn.password, dsn.database, dsn.ssl_ca) == (
        "db.example",
        3306,
        "cloud",
        "canary",
        "cloud",
        "/ca.pem",
    )
    assert "canary" not in repr(dsn)
    assert dsn.shown == "mysql://cloud@db.example:3306/cloud"
    assert Dsn.parse("mariadb://u@h:3307/other", "given").password == "given"


@pytest.mark.parametrize(
    "text", ["postgres://u:canary@h/d", "mysql://h", "mysql://u:canary@h:x/d", "mysql://u@h?x=1"]
)
def test_a_dsn_that_names_no_database_is_refused_unrepeated(text: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        Dsn.parse(text)
    assert "canary" not in str(refused.value.problem)
