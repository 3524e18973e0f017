"""Keys are made once, for their owner's eyes only."""

from pathlib import Path

import pytest
from stowage_runtime import keys


def test_every_key_is_a_private_file(tmp_path: Path) -> None:
    made = keys.write(tmp_path / "secrets")
    assert {path.name for path in made} == set(keys.make())
    assert {path.stat().st_mode & 0o777 for path in made} == {0o600}


def test_existing_keys_are_kept(tmp_path: Path) -> None:
    before = {path: path.read_text() for path in keys.write(tmp_path)}
    (tmp_path / "stowage_at_rest_key").unlink()
    assert [path.name for path in keys.write(tmp_path)] == ["stowage_at_rest_key"]
    assert all(
        path.read_text() == text
        for path, text in before.items()
        if path.name != "stowage_at_rest_key"
    )


def test_half_a_pair_is_refused(tmp_path: Path) -> None:
    keys.write(tmp_path)
    (tmp_path / "stowage_ticket_verify_key").unlink()
    with pytest.raises(FileExistsError, match="stowage_ticket_signing_key"):
        keys.write(tmp_path)
