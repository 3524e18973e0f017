"""Settings come from arguments, the environment, then secret files; bad ones are named."""

from pathlib import Path

import pytest
from pydantic import Field, SecretStr
from stowage_contracts.errors import InvalidInput
from stowage_runtime.settings import ServiceSettings, Words, reference


class Settings(ServiceSettings):
    """A service with settings of its own."""

    slots: int = Field(3, ge=1, description="How many at once.")
    fetch_allow: Words = Field((), description="Networks.")
    pools: tuple[dict[str, str], ...] = Field((), description="JSON.")
    ticket_verify_key: SecretStr = Field(SecretStr(""), description="A key.")


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("STOWAGE_DATABASE_URL", "STOWAGE_SECRETS_DIR", "STOWAGE_SLOTS"):
        monkeypatch.delenv(name, raising=False)


def test_defaults_need_no_environment() -> None:
    assert Settings.read().slots == 3


def test_the_environment_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STOWAGE_SLOTS", "7")
    assert Settings.read().slots == 7


def test_several_words_are_separated_by_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STOWAGE_FETCH_ALLOW", "10.0.0.0/8, 192.168.0.0/16")
    assert Settings.read().fetch_allow == ("10.0.0.0/8", "192.168.0.0/16")


def test_an_empty_variable_is_as_good_as_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STOWAGE_SLOTS", "")
    assert Settings.read().slots == 3


def test_secret_files_are_read_and_the_environment_wins(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "stowage_database_url").write_text("postgresql://file")
    (tmp_path / "stowage_slots").write_text("5\n")
    monkeypatch.setenv("STOWAGE_SECRETS_DIR", str(tmp_path))
    monkeypatch.setenv("STOWAGE_SLOTS", "6")
    found = Settings.read()
    assert found.database_url.get_secret_value() == "postgresql://file"
    assert found.slots == 6


def test_a_secrets_folder_that_is_missing_is_an_error(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("STOWAGE_SECRETS_DIR", str(tmp_path / "gone"))
    with pytest.raises(InvalidInput, match="STOWAGE_SECRETS_DIR"):
        Settings.read()


def test_a_bad_value_is_refused_by_its_variable_and_not_quoted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("STOWAGE_SLOTS", "canary")
    with pytest.raises(InvalidInput, match="STOWAGE_SLOTS: ") as caught:
        Settings.read()
    assert "canary" not in str(caught.value)


def test_bad_json_is_refused_by_its_field_and_not_quoted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STOWAGE_POOLS", "[canary")
    with pytest.raises(InvalidInput, match="pools") as caught:
        Settings.read()
    assert "canary" not in str(caught.value)


def test_secrets_do_not_show() -> None:
    found = Settings.read(database_url="postgresql://u:canary@h/d")
    assert "canary" not in repr(found)


def test_the_reference_lists_every_setting_with_its_default() -> None:
    text = reference([("demo", Settings)])
    assert "| `STOWAGE_SLOTS` | `3` | How many at once. |" in text
    assert "| `STOWAGE_DATABASE_URL` | *secret* |" in text
    assert text.count("STOWAGE_HTTP_PORT") == 1


def test_every_common_setting_is_explained() -> None:
    assert all(info.description for info in ServiceSettings.model_fields.values())
